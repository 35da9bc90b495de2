-- A confirmed reservation without exactly one successful payment of its amount.
-- Do: compare with PortOne by the payment's id; cancel a reservation that was not paid for, refund what was paid twice.
select
    format('reservation %s', reservation.id) as subject,
    format(
        'is CONFIRMED for %s won by the payment %s, but its successful payments are: %s',
        reservation.total_amount,
        reservation.payment_id,
        coalesce(string_agg(format('%s (%s won)', payment.id, payment.amount), ', ' order by payment.id), 'none')
    ) as finding
from reservation_service.reservations as reservation
left join payment_service.payments as payment
    on payment.reservation_id = reservation.id and payment.status = 'SUCCESS'
where reservation.status = 'CONFIRMED'
group by reservation.id
having count(payment.id) <> 1
    or bool_or(payment.id <> reservation.payment_id or payment.amount <> reservation.total_amount)
