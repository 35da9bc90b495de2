-- The money, in won, by our books. A capture with another amount than ours is refunded by that amount.
select
    coalesce(sum(coalesce(refund.amount, payment.amount)) filter (where payment.captured), 0)::bigint as captured,
    coalesce(sum(refund.amount) filter (where payment.status = 'REFUNDED'), 0)::bigint as refunded,
    (
        select coalesce(sum(total_amount), 0)::bigint
        from reservation_service.reservations
        where status = 'CONFIRMED'
    ) as confirmed
from payment_service.payments as payment
left join payment_service.refunds as refund on refund.payment_id = payment.id
