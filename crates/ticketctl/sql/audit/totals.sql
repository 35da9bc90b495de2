-- The money, in won, by our books.
select
    coalesce(sum(payment.amount) filter (where payment.captured), 0)::bigint as captured,
    coalesce(sum(payment.amount) filter (where payment.status = 'REFUNDED'), 0)::bigint as refunded,
    (
        select coalesce(sum(total_amount), 0)::bigint
        from reservation_service.reservations
        where status = 'CONFIRMED'
    ) as confirmed
from payment_service.payments as payment
