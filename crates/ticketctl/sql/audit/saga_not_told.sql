-- A saga that believes its reservation to be in another state than it is.
-- Do: `ticketctl dlq list` for payment-reservation-consumer; `ticketctl saga drive` makes the payment service ask.
select
    format('saga of reservation %s', saga.reservation_id) as subject,
    format('believes it %s, but it is %s', saga.reservation_status, reservation.status) as finding
from payment_service.payment_sagas as saga
join reservation_service.reservations as reservation on reservation.id = saga.reservation_id
where saga.reservation_status <> reservation.status
    -- A hold may end before its first payment is begun: then nobody tells the saga, and nothing was paid.
    and not (
        reservation.status = 'CANCELLED'
        and saga.reservation_status = 'PENDING'
        and not exists (
            select from payment_service.payments
            where reservation_id = saga.reservation_id and captured
        )
    )
