-- A webhook that has not been looked into.
select
    format('webhook %s', webhook_id) as subject,
    format('(%s) about %s has been tried %s times', event_type, coalesce(payment_id, 'no payment'), attempts) as finding
from payment_service.webhook_deliveries
where next_attempt_at is not null
