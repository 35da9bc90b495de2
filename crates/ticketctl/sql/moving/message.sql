-- A message on its way.
select
    format('message %s', message.id) as subject,
    format(
        '%s of key %s is %s',
        message.event_type,
        message.message_key,
        case
            when not message.published then 'not sent yet'
            else format('not handled yet by %s', string_agg(delivery.consumer, ', ' order by delivery.consumer))
        end
    ) as finding
from common.outbox_events as message
left join jsonb_to_recordset(current_setting('ticketctl.deliveries')::jsonb) as delivery (event_type text, consumer text)
    on delivery.event_type = message.event_type
where message.parked_at is null
    and (
        not message.published
        or (
            delivery.consumer is not null
            -- An older one has been given up: the audit says so.
            and message.published_at > clock_timestamp() - interval '1 minute'
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
    )
group by message.id
order by min(message.seq)
