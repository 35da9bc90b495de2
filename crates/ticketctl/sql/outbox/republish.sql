-- Puts sent messages back, so that the relays send them once more: those that some consumer group has not handled, or all that
-- were written since a time. One that an operator gave up (`outbox skip`) stays given up.
with again as (
    update common.outbox_events as message
    set published = false, published_at = null, retry_count = 0
    where message.published
        and message.parked_at is null
        and message.published_at <= clock_timestamp() - make_interval(secs => $3)
        and case
            when $2::timestamptz is not null then message.created_at >= $2
            else exists (
                select
                from jsonb_to_recordset($1::jsonb) as delivery (event_type text, consumer text)
                where delivery.event_type = message.event_type
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
            )
        end
    returning message.id, message.event_type, message.message_key, message.created_at, message.seq
)
select id, event_type, message_key, created_at
from again
order by seq
