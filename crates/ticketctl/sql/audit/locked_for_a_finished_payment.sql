-- A lock that outlived its payment's outcome: by more than 5 seconds, or, while the message about it cannot be sent, by more
-- than the 2 minutes after which the reservation service asks by itself. What was paid for stays locked until then.
-- Do: check that the reservation service, the payment service and Kafka run; `ticketctl saga show` tells what was not handled.
select
    format('reservation %s', reservation.id) as subject,
    format(
        'is locked since %s for the payment %s, which is %s',
        reservation.payment_locked_at,
        reservation.payment_lock_id,
        coalesce(payment.status, 'unknown')
    ) as finding
from reservation_service.reservations as reservation
left join payment_service.payments as payment on payment.id = reservation.payment_lock_id
cross join lateral (
    select exists (
        select from common.outbox_events
        where producer = 'payment_svc_user' and message_key = reservation.id::text and not published
    ) as message
) as waiting
where reservation.payment_lock_id is not null
    and case
        when payment.status = 'SUCCESS' and waiting.message then false
        when payment.id is null or payment.status = 'PENDING' then
            payment.confirm_started_at is null
            and reservation.payment_locked_at < clock_timestamp() - interval '125 seconds'
        when waiting.message then payment.updated_at < clock_timestamp() - interval '125 seconds'
        else payment.updated_at < clock_timestamp() - interval '5 seconds'
    end
