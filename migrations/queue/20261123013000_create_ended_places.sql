-- Places that their owners gave up or used up. Redis knows that too, but should it lose its memory, the tickets of such places
-- would still look like those of places that were lost.
CREATE TABLE queue_service.ended_places (
    event_id uuid   NOT NULL,
    user_id  uuid   NOT NULL,
    -- Every place of the user in this line with this score or a lower one is over. A later one has a higher score.
    up_to_score bigint NOT NULL,
    -- The grant that the last of them ended with, if it was admitted.
    grant_id text,
    -- Whether the user left; else the seats were bought.
    has_left boolean NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (event_id, user_id)
);

-- Old ones are forgotten.
CREATE INDEX idx_ended_places_ended_at ON queue_service.ended_places (ended_at);
