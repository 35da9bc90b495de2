-- A reservation: who has which seats of which concert, what they cost, and how far it has come (design.md §8).
-- PENDING -> CONFIRMED | CANCELLED, CONFIRMED -> CANCELLED, nothing else; CANCELLED is final.
create table reservation_service.reservations (
    -- A UUID v7.
    id uuid primary key,
    -- Accounts and concerts live in other services: ids without foreign keys.
    user_id uuid not null,
    event_id uuid not null,
    status text not null default 'PENDING'
        constraint reservations_status check (status in ('PENDING', 'CONFIRMED', 'CANCELLED')),
    -- Won: the sum of the seats' prices in the catalogue at the time of the hold.
    total_amount bigint not null constraint reservations_total_amount check (total_amount >= 0),
    -- When the hold ends. A payment lock does not change it: its assignments never expire meanwhile, and an unlock gives
    -- them this expiry back.
    hold_expires_at timestamptz not null,

    -- The concert as it was sold: the booking keeps its title and times whatever is changed later.
    event_title text not null,
    event_start_at timestamptz not null,
    event_end_at timestamptz not null,

    -- The queue's grant under which the seats were held. Opaque: messages carry it, so that a late one ends no newer place.
    grant_id text,
    -- Raised by every change that messages or other services may compare.
    version bigint not null default 1,

    -- The payment that holds the lock, or the last one that mattered, and its state as far as messages have told it.
    payment_id uuid,
    payment_status text
        constraint reservations_payment_status check (payment_status in ('PENDING', 'SUCCESS', 'FAILED', 'REFUNDED')),
    -- The running payment for which the seats are locked. Ended by its outcome or by an unlock, never by time.
    payment_lock_id uuid,
    payment_locked_at timestamptz,
    -- When the payment service was last asked what became of an old lock.
    payment_asked_at timestamptz,

    refund_status text
        constraint reservations_refund_status check (refund_status in ('REQUESTED', 'PROCESSING', 'SUCCEEDED', 'FAILED')),
    refund_amount bigint constraint reservations_refund_amount check (refund_amount >= 0),
    refund_requested_at timestamptz,
    refund_completed_at timestamptz,

    cancel_reason text
        constraint reservations_cancel_reason check (
            cancel_reason in (
                'USER_REQUEST', 'HOLD_RELEASED', 'HOLD_EXPIRED', 'PAYMENT_FAILED', 'CONFIRMATION_FAILED', 'COMPENSATED',
                'EVENT_CANCELLED'
            )
        ),
    paid_at timestamptz,
    confirmed_at timestamptz,
    cancelled_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),

    constraint reservations_cancelled check (
        (status = 'CANCELLED') = (cancelled_at is not null) and (status = 'CANCELLED') = (cancel_reason is not null)
    ),
    constraint reservations_confirmed check (
        case status
            when 'CONFIRMED' then confirmed_at is not null and payment_id is not null
            when 'PENDING' then confirmed_at is null
            else true
        end
    ),
    -- Only a pending reservation can be locked, and then for the payment it shows.
    constraint reservations_payment_lock check (
        (payment_lock_id is null) = (payment_locked_at is null)
        and (payment_lock_id is null or (status = 'PENDING' and payment_id = payment_lock_id))
    ),
    constraint reservations_refund check ((refund_status is null) = (refund_amount is null))
)
with (fillfactor = 80);

-- One pending reservation per buyer and concert. The hold looks first, under an advisory lock, so that it can say which one
-- it is; this is what holds if it ever looks wrongly.
create unique index reservations_one_pending_per_buyer on reservation_service.reservations (user_id, event_id)
    where status = 'PENDING';

-- The seats a buyer has of a concert already, for the limit per buyer.
create index reservations_confirmed_of_buyer on reservation_service.reservations (user_id, event_id)
    where status = 'CONFIRMED';

-- A buyer's list, newest first.
create index reservations_of_buyer on reservation_service.reservations (user_id, created_at desc, id desc);

-- What the sweep looks for.
create index reservations_expiring on reservation_service.reservations (hold_expires_at)
    where status = 'PENDING' and payment_lock_id is null;

-- Locks whose payment may have to be asked after.
create index reservations_locked on reservation_service.reservations (payment_locked_at)
    where payment_lock_id is not null;

-- Whether a concert has live reservations, and which.
create index reservations_live_of_event on reservation_service.reservations (event_id, id)
    where status in ('PENDING', 'CONFIRMED');

-- The seats of a reservation with the price they were held at.
create table reservation_service.reservation_seats (
    id uuid primary key default uuidv7(),
    reservation_id uuid not null references reservation_service.reservations (id),
    seat_id uuid not null,
    seat_number text not null,
    grade text not null,
    -- Won.
    price bigint not null constraint reservation_seats_price check (price >= 0),
    constraint reservation_seats_once unique (reservation_id, seat_id)
);
