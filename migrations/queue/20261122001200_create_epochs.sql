-- The lives of Redis' memory: each time it may have lost places a new epoch begins. Counted here, because a counter in Redis
-- would be lost with the rest.
CREATE TABLE queue_service.epochs (
    epoch         bigint PRIMARY KEY,
    -- The server process that holds this epoch's places (INFO's run_id).
    run_id        text        NOT NULL,
    began_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When it was last seen whole; whoever kept polling until about then had a place that the next epoch must restore.
    last_alive_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
