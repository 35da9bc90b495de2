-- A message that was sent and has not taken effect in a consumer group that should have handled it.
-- Do: `ticketctl dlq list`; if it lies there, remove the cause and `ticketctl dlq replay` it. If not, check that the group's
-- service runs and reads.
select
    format('message %s', message.id) as subject,
    format(
        '%s of key %s, sent at %s, was not handled by %s',
        message.event_type,
        message.message_key,
        message.published_at,
        delivery.consumer
    ) as finding
from common.outbox_events as message
join jsonb_to_recordset(current_setting('ticketctl.deliveries')::jsonb) as delivery (event_type text, consumer text)
    on delivery.event_type = message.event_type
where message.published
    -- One with this mark was given up by an operator.
    and message.parked_at is null
    and message.published_at < clock_timestamp() - current_setting('ticketctl.grace')::interval
    and not exists (
        select from reservation_service.processed_events
        where event_id = message.id and consumer = delivery.consumer
    )
    and not exists (
        select from payment_service.processed_events
        where event_id = message.id and consumer = delivery.consumer
    )
    and not exists (
        select from event_service.processed_events
        where event_id = message.id and consumer = delivery.consumer
    )
    and not exists (
        select from queue_service.processed_events
        where event_id = message.id and consumer = delivery.consumer
    )
