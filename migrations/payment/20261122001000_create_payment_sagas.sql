-- Where each booking's payment stands (design.md §8.4). There is one row per reservation, made with its first payment.
--
-- It is also the row that the key of every message of this service names: whoever writes a message about a reservation
-- has locked this row first, whichever of the reservation's payments it is about, so that the outbox's order is commit
-- order per reservation (design.md §7). Lock order here: saga, then payments by id, then refunds, then outbox.
create table payment_service.payment_sagas (
    reservation_id uuid primary key,
    user_id uuid not null,
    -- The latest payment of the reservation. Steps tell of this one only: a late refund of a superseded payment is no
    -- news about the booking.
    payment_id uuid not null,
    step text not null default 'STARTED',
    step_since timestamptz not null default clock_timestamp(),
    -- The reservation as its own service last told us, and its version then; an older message changes nothing.
    reservation_status text not null default 'PENDING',
    reservation_version bigint not null default 0,
    -- How often a stuck saga was driven on, and when it is looked at next; null when nothing is awaited.
    nudges int not null default 0,
    next_nudge_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),

    constraint payment_sagas_step check (
        step in ('STARTED', 'FAILED', 'PAID', 'CONFIRMED', 'REFUNDING', 'REFUNDED', 'COMPENSATED')
    ),
    constraint payment_sagas_reservation_status check (reservation_status in ('PENDING', 'CONFIRMED', 'CANCELLED'))
)
with (fillfactor = 80);

-- Paid bookings of which the reservation service has not said what became of them.
create index payment_sagas_awaited on payment_service.payment_sagas (next_nudge_at) where next_nudge_at is not null;
