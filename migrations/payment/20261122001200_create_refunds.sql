-- Money that must go back (design.md §8.4): always the whole amount, and at most one refund per payment, however many
-- reasons there are for it.
create table payment_service.refunds (
    id uuid primary key,
    payment_id uuid not null
        constraint refunds_payment_id_key unique
        references payment_service.payments (id),
    -- Won; what PortOne captured.
    amount bigint not null,
    -- A stable code: why.
    reason text not null,
    status text not null default 'REQUESTED',
    attempts int not null default 0,
    -- The next try, or the end of the lease of the one that runs; null when it is over.
    next_attempt_at timestamptz default clock_timestamp(),
    -- After this it is left to the operator (`ticketctl refund list|retry`).
    deadline_at timestamptz not null,
    requested_at timestamptz not null default clock_timestamp(),
    completed_at timestamptz,
    last_error text,

    constraint refunds_status check (status in ('REQUESTED', 'PROCESSING', 'SUCCEEDED', 'FAILED')),
    constraint refunds_amount check (amount > 0),
    constraint refunds_awaited check ((next_attempt_at is null) = (status in ('SUCCEEDED', 'FAILED'))),
    constraint refunds_completed check ((completed_at is not null) = (status = 'SUCCEEDED'))
)
with (fillfactor = 80);

create index refunds_due on payment_service.refunds (next_attempt_at) where next_attempt_at is not null;
create index refunds_failed on payment_service.refunds (requested_at) where status = 'FAILED';
