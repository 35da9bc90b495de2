-- What an operator does with ticketctl has no administrator's account behind it, but a name.
ALTER TABLE queue_service.admin_audit_log
    ALTER COLUMN admin_id DROP NOT NULL,
    ADD COLUMN operator text;

-- Null: an operator did it; the audit has the name.
ALTER TABLE queue_service.event_settings
    ALTER COLUMN updated_by DROP NOT NULL;

-- Checked for what is there already by the next migration, so that nobody waits for a scan.
ALTER TABLE queue_service.admin_audit_log
    ADD CONSTRAINT ck_admin_audit_log_actor CHECK (num_nonnulls(admin_id, operator) = 1) NOT VALID;
