-- A hold that is over, or locked for a payment that is.
select
    format('reservation %s', reservation.id) as subject,
    case
        when reservation.payment_lock_id is null then format('ended at %s', reservation.hold_expires_at)
        else format(
            'is locked for the payment %s, which is %s',
            reservation.payment_lock_id,
            coalesce(payment.status, 'unknown')
        )
    end as finding
from reservation_service.reservations as reservation
left join payment_service.payments as payment on payment.id = reservation.payment_lock_id
where reservation.status = 'PENDING'
    and case
        when reservation.payment_lock_id is null then reservation.hold_expires_at <= clock_timestamp()
        else payment.status is distinct from 'PENDING'
    end
