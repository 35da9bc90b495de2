-- How fast an event's line is admitted. It stands here and not in Redis, so that a paused line stays paused when Redis is
-- lost. An event without a row has the service's defaults.
CREATE TABLE queue_service.event_settings (
    event_id             uuid PRIMARY KEY,
    -- Null: the service's default.
    admission_per_second integer CONSTRAINT ck_event_settings_rate CHECK (admission_per_second > 0),
    -- Null: the places that the rate fills in ten minutes.
    max_active           integer CONSTRAINT ck_event_settings_cap CHECK (max_active >= 0),
    paused               boolean     NOT NULL DEFAULT false,
    updated_by           uuid        NOT NULL,
    updated_at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
