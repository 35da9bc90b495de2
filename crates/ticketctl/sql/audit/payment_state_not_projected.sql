-- A reservation that shows another state of its payment than the payment has.
select
    format('reservation %s', reservation.id) as subject,
    format(
        'shows its payment %s as %s, which is %s',
        payment.id,
        coalesce(reservation.payment_status, 'unknown'),
        payment.status
    ) as finding
from reservation_service.reservations as reservation
join payment_service.payments as payment on payment.id = reservation.payment_id
where payment.status in ('SUCCESS', 'REFUNDED') and reservation.payment_status is distinct from payment.status
