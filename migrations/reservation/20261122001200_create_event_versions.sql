-- The newest version of a concert that EventChanged told of. Replicas keep the catalogue (seats, prices, sale window) in
-- memory with its version, and every hold and seat map compares it with this row. So a message that reaches one replica
-- makes the copies of all of them stale.
create table reservation_service.event_versions (
    event_id uuid primary key,
    -- It never goes down, so late messages change nothing.
    version bigint not null,
    changed_at timestamptz not null default clock_timestamp()
);
