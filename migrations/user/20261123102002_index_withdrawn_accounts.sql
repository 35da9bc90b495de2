-- Deleted accounts whose person may not have another one yet.
CREATE INDEX users_withdrawn ON users (deleted_at) WHERE status = 'DELETED' AND ci_hash IS NOT NULL;
