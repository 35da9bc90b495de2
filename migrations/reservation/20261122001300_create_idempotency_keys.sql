-- Answers of holds that came with an Idempotency-Key, kept 24 hours (design.md §2).
create table reservation_service.idempotency_keys (
    user_id uuid not null,
    route text not null,
    key text not null,
    request_hash bytea not null,
    status smallint,
    body jsonb,
    created_at timestamptz not null default clock_timestamp(),
    primary key (user_id, route, key)
);

create index idempotency_keys_created_at on reservation_service.idempotency_keys (created_at);
