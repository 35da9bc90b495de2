-- A reservation that shows another state of its payment or refund than these have.
-- Do: find the payment's message in `ticketctl saga show`, and in `ticketctl dlq list` if it was not handled.
select
    format('reservation %s', reservation.id) as subject,
    format(
        'shows its payment %s as %s, refund %s, which is %s',
        payment.id,
        coalesce(reservation.payment_status, 'unknown'),
        coalesce(reservation.refund_status, 'none'),
        payment.status
    ) as finding
from reservation_service.reservations as reservation
join payment_service.payments as payment on payment.id = reservation.payment_id
where payment.status <> 'PENDING'
    and (
        reservation.payment_status is distinct from payment.status
        or (payment.status = 'REFUNDED' and reservation.refund_status is distinct from 'SUCCEEDED')
    )
