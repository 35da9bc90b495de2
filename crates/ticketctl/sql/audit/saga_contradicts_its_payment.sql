-- A saga whose step is not one that its payment and refund can be at. They are written together, so they never differ.
-- Do: read the payment at PortOne; report it, since no way through the code leads here.
select
    format('saga of reservation %s', saga.reservation_id) as subject,
    format(
        'is %s, but its payment %s is %s and its refund %s',
        saga.step,
        saga.payment_id,
        coalesce(payment.status, 'unknown'),
        coalesce(refund.status, 'none')
    ) as finding
from payment_service.payment_sagas as saga
left join payment_service.payments as payment
    on payment.id = saga.payment_id and payment.reservation_id = saga.reservation_id
left join payment_service.refunds as refund on refund.payment_id = payment.id
where (
    case saga.step
        when 'STARTED' then payment.status = 'PENDING' and refund.id is null
        when 'FAILED' then payment.status = 'FAILED' and refund.id is null
        when 'PAID' then payment.status = 'SUCCESS' and refund.id is null
        when 'CONFIRMED' then payment.status = 'SUCCESS' and refund.id is null
        when 'REFUNDING' then payment.captured and payment.status <> 'REFUNDED' and refund.status <> 'SUCCEEDED'
        else payment.status = 'REFUNDED' and refund.status = 'SUCCEEDED'
    end
) is not true
