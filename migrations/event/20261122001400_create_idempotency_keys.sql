-- `Idempotency-Key` of POST venues, halls and events (design.md §2), used by common::idempotency.
CREATE TABLE event_service.idempotency_keys (
    user_id      uuid        NOT NULL,
    route        text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    status       smallint,
    body         jsonb,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key)
);

-- For the purge after 24 hours.
CREATE INDEX idx_idempotency_keys_created_at ON event_service.idempotency_keys (created_at);
