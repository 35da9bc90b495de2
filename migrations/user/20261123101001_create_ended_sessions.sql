-- Sessions that ended while access tokens of theirs may still live. Written in the transaction that ends them, and kept until
-- the last of those tokens has expired: whatever Redis forgets, or was never told, it is told from here.
CREATE TABLE ended_sessions (
    session_id     uuid        PRIMARY KEY,
    ended_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the worker last put it on the gateway's blacklist.
    blacklisted_at timestamptz
);
CREATE INDEX ended_sessions_to_blacklist ON ended_sessions (ended_at) WHERE blacklisted_at IS NULL;
