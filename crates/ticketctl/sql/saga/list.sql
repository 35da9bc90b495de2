-- Where bookings stand, those that need somebody first. Unfinished ones by default: STARTED, PAID or REFUNDING.
select *
from (
    select
        saga.reservation_id,
        saga.step,
        extract(epoch from clock_timestamp() - saga.step_since)::bigint as since_seconds,
        saga.payment_id,
        payment.status as payment_status,
        saga.reservation_status as reservation_believed,
        reservation.status as reservation_status,
        refund.status as refund_status,
        saga.nudges,
        saga.next_nudge_at,
        case
            when refund.status = 'FAILED' then 'its refund was given up'
            when refund.deadline_at <= clock_timestamp() and refund.status <> 'SUCCEEDED' then 'its refund is overdue'
            when saga.step = 'PAID' and saga.step_since < clock_timestamp() - interval '2 minutes'
                then 'nothing is heard of the reservation'
            when payment.status = 'PENDING' and payment.confirm_started_at < clock_timestamp() - interval '5 minutes'
                then 'the outcome of the payment is unknown'
            when reservation.payment_lock_id = saga.payment_id and payment.status <> 'PENDING'
                and payment.updated_at < clock_timestamp() - interval '1 minute'
                then 'the reservation is still locked'
            when saga.step = 'CONFIRMED' and reservation.status is distinct from 'CONFIRMED'
                and saga.updated_at < clock_timestamp() - interval '1 minute'
                then 'the reservation is not confirmed'
        end as stuck
    from payment_service.payment_sagas as saga
    left join payment_service.payments as payment on payment.id = saga.payment_id
    left join payment_service.refunds as refund on refund.payment_id = saga.payment_id
    left join reservation_service.reservations as reservation on reservation.id = saga.reservation_id
) as booking
where stuck is not null or (not $1 and step in ('STARTED', 'PAID', 'REFUNDING'))
order by stuck is not null desc, since_seconds desc
limit $2
