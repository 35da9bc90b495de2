-- Bad passwords (design.md §3.1). A row counts either those for one email from one address, or those for one email from
-- anywhere, and says neither: its key is a keyed hash. Emails without an account are counted alike.
CREATE TABLE login_failures (
    key_hash   bytea       PRIMARY KEY,
    failures   integer     NOT NULL CHECK (failures >= 0),
    -- When the count is forgotten; at the limit, when the stop is over.
    expires_at timestamptz NOT NULL
);
CREATE INDEX login_failures_expires_at ON login_failures (expires_at);
