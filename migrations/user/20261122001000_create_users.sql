-- Accounts (design.md §3.1, §5). Personal data is AES-256-GCM with the row and column as associated data (`*_encrypted`);
-- look-ups go by keyed hashes (`*_hash`), because equal plain texts never give equal ciphertexts.
CREATE TABLE users (
    id              uuid        PRIMARY KEY,
    email_encrypted bytea,
    email_hash      bytea,
    password_hash   text,
    name_encrypted  bytea,
    phone_encrypted bytea,
    ci_encrypted    bytea,
    di_encrypted    bytea,
    ci_hash         bytea,
    role            text        NOT NULL DEFAULT 'USER' CHECK (role IN ('USER', 'ADMIN')),
    status          text        NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'DORMANT', 'LOCKED', 'DELETED')),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_login_at   timestamptz,
    deleted_at      timestamptz,
    -- A deleted account keeps nothing but the keyed hash of its CI.
    CONSTRAINT users_deleted_is_erased CHECK (
        status <> 'DELETED'
        OR (email_encrypted IS NULL AND email_hash IS NULL AND name_encrypted IS NULL AND phone_encrypted IS NULL
            AND ci_encrypted IS NULL AND di_encrypted IS NULL AND password_hash IS NULL AND deleted_at IS NOT NULL)
    ),
    CONSTRAINT users_live_has_email CHECK (status = 'DELETED' OR email_hash IS NOT NULL),
    CONSTRAINT users_email_hash_key UNIQUE (email_hash),
    -- One person, one account. Administrators made by the operator have no CI.
    CONSTRAINT users_ci_hash_key UNIQUE (ci_hash)
);

-- What a person agreed to, and when.
CREATE TABLE terms_agreements (
    id            uuid        PRIMARY KEY,
    user_id       uuid        NOT NULL REFERENCES users (id),
    terms_type    text        NOT NULL CHECK (terms_type IN ('SERVICE', 'PRIVACY', 'MARKETING')),
    terms_version text        NOT NULL,
    agreed        boolean     NOT NULL,
    agreed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX terms_agreements_user_id ON terms_agreements (user_id);

-- An identity verification opens one account, once.
CREATE TABLE used_identity_verifications (
    verification_hash bytea       PRIMARY KEY,
    used_at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
