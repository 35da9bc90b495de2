-- Which accounts at Kakao, Naver and Google sign in to which of ours (design.md §3.1). Of the provider's account there is
-- only a keyed hash of its id: no token, no name, nothing that deleting the account would have to erase. The row outlives
-- the account, so that a social login can be told that its account was deleted, until the person may come back.
CREATE TABLE social_accounts (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (id),
    provider     text        NOT NULL CHECK (provider IN ('KAKAO', 'NAVER', 'GOOGLE')),
    subject_hash bytea       NOT NULL,
    linked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Who signs in at the provider is one of our users at most.
    CONSTRAINT social_accounts_subject_key UNIQUE (provider, subject_hash),
    CONSTRAINT social_accounts_user_key UNIQUE (user_id, provider)
);

-- The email of a social profile may be missing, so an account may have none; but nobody could use a password without one.
ALTER TABLE users
    DROP CONSTRAINT users_live_has_email,
    ADD CONSTRAINT users_password_has_email CHECK (password_hash IS NULL OR email_hash IS NOT NULL);
