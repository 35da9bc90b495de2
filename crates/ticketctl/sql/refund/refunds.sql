-- Refunds with what they are about: those that wait for an operator first, then the oldest.
select
    refund.payment_id,
    payment.reservation_id,
    refund.amount,
    refund.reason,
    refund.status,
    payment.status as payment_status,
    refund.attempts,
    refund.requested_at,
    refund.next_attempt_at,
    refund.deadline_at,
    refund.completed_at,
    refund.last_error,
    extract(epoch from clock_timestamp() - refund.requested_at)::bigint as age_seconds,
    refund.status in ('REQUESTED', 'PROCESSING') and refund.deadline_at <= clock_timestamp() as is_overdue
from payment_service.refunds as refund
join payment_service.payments as payment on payment.id = refund.payment_id
where case
        when $1::uuid is not null then refund.payment_id = $1
        when $2::text is not null then refund.status = $2
        else refund.status <> 'SUCCEEDED'
    end
order by refund.status = 'FAILED' desc, is_overdue desc, refund.requested_at
limit $3
