-- Payments (design document §6.2.4, design.md §3.5 and §8.3). The row is committed before PortOne hears of it, so whatever
-- PortOne knows of ours is found here. PortOne's own id of it is this id without hyphens.
create table payment_service.payments (
    id uuid primary key,
    reservation_id uuid not null references payment_service.payment_sagas (reservation_id),
    user_id uuid not null,
    -- The client's idempotency key. It never leaves us.
    payment_key uuid not null constraint payments_payment_key_key unique,
    payment_method text not null,
    status text not null default 'PENDING',
    -- A stable code; of a refunded payment it says why the payment had failed before its capture was found, if it had.
    failure_reason text,
    -- Won. The reservation's total, never what the client says.
    amount bigint not null,

    -- The reservation as it was when the payment was made, and from locked_at on as it was when locked.
    concert_id uuid not null,
    seat_ids uuid[] not null,
    reservation_version bigint not null,
    grant_id text,
    order_name text not null,
    expires_at timestamptz not null,

    -- How far it came; each is set once, after what it names is known to have happened. Only confirm_started_at and
    -- locked_at can be taken back, together, when it is certain that PortOne was not asked to charge.
    registered_at timestamptz,
    confirm_started_at timestamptz,
    locked_at timestamptz,

    -- Whether PortOne took the money, whatever we then made of it.
    captured boolean not null default false,
    paid_at timestamptz,
    -- Opaque text; it may change with every attempt of the buyer.
    portone_transaction_id text,
    -- The facts of PortOne's last answer, without anything personal.
    portone_response jsonb,

    -- When PortOne is asked about this payment again; null when nothing is left to find out.
    next_check_at timestamptz,
    -- The reservation's lock of this ended payment must still be given back (see workers/release_locks.rs).
    unlock_due_at timestamptz,

    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),

    constraint payments_status check (status in ('PENDING', 'SUCCESS', 'FAILED', 'REFUNDED')),
    constraint payments_method check (payment_method in ('CARD')),
    constraint payments_amount check (amount > 0),
    constraint payments_seats check (cardinality(seat_ids) > 0),
    -- Only what failed, or failed before its capture was found, has a reason.
    constraint payments_failure_reason check (
        case status
            when 'FAILED' then failure_reason is not null
            when 'REFUNDED' then true
            else failure_reason is null
        end
    ),
    constraint payments_success check (
        status <> 'SUCCESS'
        or (captured and confirm_started_at is not null and paid_at is not null and portone_transaction_id is not null)
    ),
    constraint payments_pending_is_not_captured check (status <> 'PENDING' or not captured),
    constraint payments_refunded_was_captured check (status <> 'REFUNDED' or captured),
    constraint payments_locked_after_start check (locked_at is null or confirm_started_at is not null)
)
with (fillfactor = 70);

-- At most one open payment per reservation, and none beside a successful one: a booking cannot be paid for twice.
create unique index payments_one_live_per_reservation on payment_service.payments (reservation_id)
    where status in ('PENDING', 'SUCCESS');

create index payments_by_reservation on payment_service.payments (reservation_id);
-- A user's list, newest first: ids are UUID v7.
create index payments_by_user on payment_service.payments (user_id, id desc);
create index payments_to_check on payment_service.payments (next_check_at) where next_check_at is not null;
create index payments_to_unlock on payment_service.payments (unlock_due_at) where unlock_due_at is not null;
create index payments_unconfirmed on payment_service.payments (expires_at)
    where status = 'PENDING' and confirm_started_at is null;

-- The last line of defence of the state machine (design.md §8, I5): PENDING → SUCCESS | FAILED, SUCCESS → REFUNDED,
-- FAILED → REFUNDED only if a capture was found. Every writer guards its own UPDATE; this catches the one that does not.
create function payment_service.guard_payment_transition() returns trigger
    language plpgsql
as $$
begin
    if not (
        (old.status = 'PENDING' and new.status in ('SUCCESS', 'FAILED'))
        or (old.status = 'SUCCESS' and new.status = 'REFUNDED')
        or (old.status = 'FAILED' and new.status = 'REFUNDED' and new.captured)
    ) then
        raise exception 'payment % cannot go from % to %', old.id, old.status, new.status
            using errcode = 'check_violation', constraint = 'payments_transition';
    end if;
    return new;
end
$$;

create trigger payments_transition
    before update on payment_service.payments
    for each row
    when (old.status is distinct from new.status)
    execute function payment_service.guard_payment_transition();
