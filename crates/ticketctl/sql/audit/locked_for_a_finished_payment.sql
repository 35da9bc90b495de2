-- A lock that outlived its payment's outcome by more than 5 seconds.
select
    format('reservation %s', reservation.id) as subject,
    format('is locked for the payment %s, which is %s', reservation.payment_lock_id, coalesce(payment.status, 'unknown')) as finding
from reservation_service.reservations as reservation
left join payment_service.payments as payment on payment.id = reservation.payment_lock_id
where reservation.payment_lock_id is not null
    and (payment.id is null or payment.status <> 'PENDING')
    and coalesce(payment.updated_at, reservation.payment_locked_at) < clock_timestamp() - interval '5 seconds'
