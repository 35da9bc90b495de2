-- Every payment that PortOne was or may have been asked to charge, as our books have it.
select
    payment.id,
    payment.status,
    case when payment.captured then coalesce(refund.amount, payment.amount) else 0 end as captured,
    case when payment.status = 'REFUNDED' then coalesce(refund.amount, payment.amount) else 0 end as refunded,
    -- PortOne will be asked again, so what differs may still become known.
    (payment.next_check_at is not null or refund.next_attempt_at is not null) as is_awaited
from payment_service.payments as payment
left join payment_service.refunds as refund on refund.payment_id = payment.id
where payment.captured or payment.next_check_at is not null
order by payment.id
