-- A refund and its payment that do not agree whether, or how much, money went back.
-- Do: read the payment at PortOne; what it says is true, and the row that differs is to be put right by hand.
select
    format('payment %s', payment.id) as subject,
    format(
        'is %s with %s won, but its refund is %s with %s won',
        payment.status,
        payment.amount,
        coalesce(refund.status, 'missing'),
        coalesce(refund.amount, 0)
    ) as finding
from payment_service.payments as payment
left join payment_service.refunds as refund on refund.payment_id = payment.id
where (payment.status = 'REFUNDED') <> (refund.status is not distinct from 'SUCCEEDED')
    or (refund.id is not null and not payment.captured)
    -- A payment that failed because PortOne took another amount is refunded by that amount.
    or (payment.failure_reason is null and refund.amount <> payment.amount)
