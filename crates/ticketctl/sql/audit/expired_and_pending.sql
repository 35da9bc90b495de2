-- A hold that ended more than 5 seconds ago and still keeps its buyer from another one.
-- Do: check that the reservation service runs; its sweep ends them.
select
    format('reservation %s', id) as subject,
    format('is PENDING, unlocked, and ended at %s', hold_expires_at) as finding
from reservation_service.reservations
where status = 'PENDING' and payment_lock_id is null and hold_expires_at < clock_timestamp() - interval '5 seconds'
