-- Refresh tokens, stored as SHA-256. A session is a family of tokens: each rotation adds a member and retires its
-- predecessor. `family_id` is the `sid` of the access tokens.
CREATE TABLE auth_tokens (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users (id),
    family_id  uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    state      text        NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'ROTATED', 'REVOKED')),
    -- The member that took this one's place, so that the immediate predecessor can be told from older ones.
    successor  uuid,
    rotated_at timestamptz,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT auth_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT auth_tokens_rotation CHECK ((state = 'ROTATED') <= (successor IS NOT NULL AND rotated_at IS NOT NULL))
);
-- At most one live member per family: two rotations at once have one winner.
CREATE UNIQUE INDEX auth_tokens_one_active_per_family ON auth_tokens (family_id) WHERE state = 'ACTIVE';
CREATE INDEX auth_tokens_user_id ON auth_tokens (user_id);

CREATE TABLE login_history (
    id             uuid        PRIMARY KEY,
    user_id        uuid        NOT NULL REFERENCES users (id),
    ip_address     text,
    user_agent     text,
    login_method   text        NOT NULL CHECK (login_method IN ('EMAIL', 'KAKAO', 'NAVER', 'GOOGLE')),
    success        boolean     NOT NULL,
    failure_reason text,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX login_history_user_id ON login_history (user_id, created_at DESC);
