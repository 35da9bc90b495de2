-- Who changed what with administrator's rights; no actor means an operator with ticketctl.
CREATE TABLE admin_audit_log (
    id         uuid        PRIMARY KEY,
    actor_id   uuid,
    action     text        NOT NULL,
    target_id  uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
