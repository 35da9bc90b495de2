-- Administrators find, lock and unlock accounts, and each look at somebody's personal data is noted as well (design.md §3.1).
ALTER TABLE admin_audit_log
    ADD COLUMN request_id text,
    ADD COLUMN details    jsonb;
CREATE INDEX admin_audit_log_target_id ON admin_audit_log (target_id, created_at);
CREATE INDEX admin_audit_log_actor_id ON admin_audit_log (actor_id, created_at);

-- What an account was before an administrator locked it, and becomes again: unlocking wakes no dormant account.
ALTER TABLE users
    ADD COLUMN locked_from text CHECK (locked_from IN ('ACTIVE', 'DORMANT'));

-- Newest accounts first, for the administrators' list.
CREATE INDEX users_created_at ON users (created_at DESC, id DESC);
