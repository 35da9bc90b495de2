-- Why a concert was cancelled, in the administrator's words: shown with the concert, and told to the others.
ALTER TABLE event_service.events
    ADD COLUMN cancel_reason varchar(500),
    ADD CONSTRAINT events_cancel_reason_check CHECK (cancel_reason IS NULL OR cancelled_at IS NOT NULL);
