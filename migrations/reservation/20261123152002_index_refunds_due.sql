-- no-transaction
-- What that loop looks for.
create index concurrently reservations_refund_due
    on reservation_service.reservations (coalesce(refund_remind_at, refund_requested_at))
    where status = 'CANCELLED' and refund_status = 'REQUESTED';
