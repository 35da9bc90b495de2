-- What happened to a booking, in the order of the database's clock. Messages say who has handled them and who has not.
with payment as (
    select * from payment_service.payments where reservation_id = $1
),
handled as (
    select * from reservation_service.processed_events
    union all select * from payment_service.processed_events
    union all select * from event_service.processed_events
    union all select * from queue_service.processed_events
),
message as (
    select *
    from common.outbox_events
    where message_key = $1::text
        or (topic = 'seat.events' and payload -> 'payload' ->> 'reservationId' = $1::text)
),
delivery as (
    select message.id,
        string_agg(delivery.consumer, ', ' order by handled.processed_at, delivery.consumer)
            filter (where handled.event_id is not null) as done,
        string_agg(delivery.consumer, ', ' order by delivery.consumer) filter (where handled.event_id is null) as missing
    from message
    join jsonb_to_recordset(current_setting('ticketctl.deliveries')::jsonb) as delivery (event_type text, consumer text)
        on delivery.event_type = message.event_type
    left join handled on handled.event_id = message.id and handled.consumer = delivery.consumer
    group by message.id
)
select event.at, event.who, event.what
from (
    select created_at as at, 'reservation' as who, 'seats held' as what, 0::bigint as seq
    from reservation_service.reservations where id = $1
    union all
    select payment_locked_at, 'reservation', format('locked for payment %s', payment_lock_id), 0
    from reservation_service.reservations where id = $1
    union all
    select confirmed_at, 'reservation', 'CONFIRMED', 0 from reservation_service.reservations where id = $1
    union all
    select cancelled_at, 'reservation', format('CANCELLED: %s', cancel_reason), 0
    from reservation_service.reservations where id = $1
    union all
    select created_at, 'payment', format('payment %s of %s won begun', id, amount), 0 from payment
    union all
    select confirm_started_at, 'payment', format('payment %s: confirm begun', id), 0 from payment
    union all
    select locked_at, 'payment', format('payment %s: has the reservation''s lock', id), 0 from payment
    union all
    select paid_at, 'PortOne', format('payment %s: captured', id), 0 from payment
    union all
    select updated_at, 'payment', format('payment %s: last change; %s', id, concat_ws(': ', status, failure_reason)), 0
    from payment
    union all
    select refund.requested_at, 'payment', format('refund of payment %s requested: %s', payment.id, refund.reason), 0
    from payment_service.refunds as refund join payment on payment.id = refund.payment_id
    union all
    select refund.completed_at, 'PortOne', format('payment %s: given back', payment.id), 0
    from payment_service.refunds as refund join payment on payment.id = refund.payment_id
    union all
    select webhook.received_at, 'PortOne', format('webhook %s: %s', webhook.event_type, coalesce(webhook.outcome, 'waiting')), 0
    from payment_service.webhook_deliveries as webhook
    join payment on replace(payment.id::text, '-', '') = webhook.payment_id
    union all
    select
        message.created_at,
        replace(message.producer, '_svc_user', ''),
        concat_ws('; ',
            format('%s %s', message.event_type, message.id),
            case
                when message.published and message.parked_at is not null then 'given up by an operator'
                when message.published then
                    format('sent after %s ms', round(extract(epoch from message.published_at - message.created_at) * 1000))
                when message.parked_at is not null then format('PARKED: %s', message.last_error)
                else 'NOT SENT'
            end,
            'handled by ' || delivery.done,
            'NOT HANDLED by ' || delivery.missing
        ),
        message.seq
    from message
    left join delivery on delivery.id = message.id
) as event
where event.at is not null
order by event.at, event.seq
