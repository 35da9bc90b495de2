-- A payment whose messages, in their order, are not those of the way to its state (§8): nothing while PENDING, PaymentSuccess
-- (also repeated) for SUCCESS, at most PaymentFailed for FAILED, and PaymentRefunded last for REFUNDED.
-- Do: read the payment at PortOne and follow `ticketctl saga show`; report it, since no way through the code leads here.
with said as (
    select
        aggregate_id,
        string_agg(event_type, ', ' order by seq) as words,
        string_agg(
            case event_type
                when 'PaymentSuccess' then 'S'
                when 'PaymentFailed' then 'F'
                when 'CompensateReservation' then 'C'
                when 'PaymentRefunded' then 'R'
                else '?'
            end,
            '' order by seq
        ) as letters
    from common.outbox_events
    where aggregate_type = 'Payment'
    group by aggregate_id
)
select
    format('payment %s', payment.id) as subject,
    format('is %s, but said: %s', payment.status, coalesce(said.words, 'nothing')) as finding
from payment_service.payments as payment
left join said on said.aggregate_id = payment.id
-- Older ones may have said what is deleted by now.
where payment.created_at > clock_timestamp() - current_setting('ticketctl.retention')::interval
    and coalesce(said.letters, '') !~ case payment.status
        when 'PENDING' then '^$'
        when 'SUCCESS' then '^S+$'
        when 'FAILED' then '^F?$'
        else case when payment.failure_reason is null then '^S+C?R$' else '^F?R$' end
    end
