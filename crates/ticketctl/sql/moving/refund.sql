-- A refund under way.
select
    format('refund %s of payment %s', id, payment_id) as subject,
    format('is %s after %s attempts: %s', status, attempts, coalesce(last_error, 'no error')) as finding
from payment_service.refunds
where status in ('REQUESTED', 'PROCESSING')
