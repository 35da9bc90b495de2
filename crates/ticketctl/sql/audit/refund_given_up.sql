-- A refund that was given up, or that nobody works at: the buyer's money is not going back.
-- Do: `ticketctl refund show` says why; `ticketctl refund retry` once PortOne would take it. If none is worked at, the
-- payment service does not run.
select
    format('refund %s of payment %s', id, payment_id) as subject,
    format(
        '(%s won) is %s after %s attempts: %s',
        amount,
        case when status = 'FAILED' then status else format('%s and due since %s', status, next_attempt_at) end,
        attempts,
        coalesce(last_error, 'no error')
    ) as finding
from payment_service.refunds
where status = 'FAILED' or next_attempt_at < clock_timestamp() - interval '2 minutes'
