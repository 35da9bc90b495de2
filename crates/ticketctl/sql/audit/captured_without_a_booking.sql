-- Money that was taken, has bought no confirmed reservation, and is not on its way back.
-- Do: `ticketctl saga drive` on its reservation; it is confirmed or refunded then.
select
    format('payment %s', payment.id) as subject,
    format(
        'captured %s won and is %s, but its reservation %s is %s and its refund %s',
        payment.amount,
        payment.status,
        payment.reservation_id,
        coalesce(reservation.status, 'unknown'),
        coalesce(refund.status, 'was never asked for')
    ) as finding
from payment_service.payments as payment
left join reservation_service.reservations as reservation on reservation.id = payment.reservation_id
left join payment_service.refunds as refund on refund.payment_id = payment.id
where payment.captured
    and payment.status <> 'REFUNDED'
    and refund.id is null
    and not (
        payment.status = 'SUCCESS'
        and reservation.status is not distinct from 'CONFIRMED'
        and reservation.payment_id is not distinct from payment.id
    )
