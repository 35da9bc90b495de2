-- The inbox: a message takes effect in the transaction that inserts its id here, so a repetition finds it and does nothing.
-- Rows are kept 30 days, because dead letters may be replayed late.
create table payment_service.processed_events (
    -- The message, a UUID v7: old rows are found by the primary key.
    event_id uuid not null,
    -- The consumer group, without the deployment's prefix: each group acts on a message once.
    consumer text collate "C" not null,
    processed_at timestamptz not null default clock_timestamp(),
    primary key (event_id, consumer)
);
