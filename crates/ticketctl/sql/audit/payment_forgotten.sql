-- A payment that is open and of which nobody will ever ask PortOne, or that should have ended with its hold.
-- Do: check that the payment service runs; `ticketctl saga drive` on its reservation makes it ask PortOne now.
select
    format('payment %s', id) as subject,
    case
        when confirm_started_at is null then format('was never confirmed, and its hold ended at %s', expires_at)
        else format('began to be confirmed at %s, and no check of its outcome is due', confirm_started_at)
    end as finding
from payment_service.payments
where status = 'PENDING'
    and case
        when confirm_started_at is null then expires_at < clock_timestamp() - interval '1 minute'
        else next_check_at is null
    end
