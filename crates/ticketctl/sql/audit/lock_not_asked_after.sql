-- A lock older than 2 minutes and 5 seconds after whose payment the reservation service has not asked.
-- Do: check that the reservation service runs and reaches the payment service.
select
    format('reservation %s', id) as subject,
    format('is locked since %s for the payment %s, which nobody asked after', payment_locked_at, payment_lock_id) as finding
from reservation_service.reservations
where payment_lock_id is not null
    and payment_asked_at is null
    and payment_locked_at < clock_timestamp() - interval '125 seconds'
