-- Who changed how a line moves, written in the transaction of the change.
CREATE TABLE queue_service.admin_audit_log (
    id          uuid PRIMARY KEY,
    admin_id    uuid        NOT NULL,
    action      text        NOT NULL,
    target_type text        NOT NULL,
    target_id   uuid        NOT NULL,
    request_id  text        NOT NULL,
    details     jsonb       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX idx_admin_audit_log_target ON queue_service.admin_audit_log (target_type, target_id, created_at);
CREATE INDEX idx_admin_audit_log_admin ON queue_service.admin_audit_log (admin_id, created_at);
