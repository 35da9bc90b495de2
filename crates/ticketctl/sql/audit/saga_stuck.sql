-- A paid booking of which nothing has been heard for five minutes, although it was driven on.
-- Do: `ticketctl saga show` says which message was not handled by whom; `ticketctl saga drive` after the cause is removed.
select
    format('saga of reservation %s', reservation_id) as subject,
    format('is %s since %s after %s nudges', step, step_since, nudges) as finding
from payment_service.payment_sagas
where next_nudge_at is not null and step_since < clock_timestamp() - interval '5 minutes'
