-- Webhooks of PortOne whose signature held (design.md §3.5). A webhook decides nothing: it names a payment about which
-- PortOne is then asked. Its id is the same for every repetition of the delivery. Kept 30 days.
create table payment_service.webhook_deliveries (
    webhook_id text primary key,
    event_type text not null,
    -- As PortOne sent it; null when the event is not about a payment.
    payment_id text,
    -- When it happened, according to PortOne.
    event_at timestamptz,
    received_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    -- The next try, or the end of the lease of the one that runs; null when it is done.
    next_attempt_at timestamptz default clock_timestamp(),
    -- What came of it, once it is done.
    outcome text,

    constraint webhook_deliveries_done check ((next_attempt_at is null) = (outcome is not null))
);

create index webhook_deliveries_due on payment_service.webhook_deliveries (next_attempt_at)
    where next_attempt_at is not null;
create index webhook_deliveries_received on payment_service.webhook_deliveries (received_at);
