-- A refund that is not finished, or whose payment does not know that it is.
select
    format('refund %s of payment %s', refund.id, refund.payment_id) as subject,
    format('is %s and its payment %s: %s', refund.status, payment.status, coalesce(refund.last_error, 'no error')) as finding
from payment_service.refunds as refund
join payment_service.payments as payment on payment.id = refund.payment_id
where refund.status <> 'SUCCEEDED' or payment.status <> 'REFUNDED' or refund.amount <> payment.amount
