-- An account that was woken up has a year again until it sleeps, although its owner has not signed in yet.
ALTER TABLE users ADD COLUMN reactivated_at timestamptz;

-- What the daily deletions look for.
CREATE INDEX auth_tokens_expires_at ON auth_tokens (expires_at);
CREATE INDEX login_history_created_at ON login_history (created_at);
CREATE INDEX used_identity_verifications_used_at ON used_identity_verifications (used_at);
