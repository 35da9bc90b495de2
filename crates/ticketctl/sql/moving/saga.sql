-- A paid booking that waits for news of its reservation.
select
    format('saga of reservation %s', reservation_id) as subject,
    format('is %s since %s', step, step_since) as finding
from payment_service.payment_sagas
where next_nudge_at is not null
