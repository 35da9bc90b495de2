-- A payment whose outcome is open, or that is over and has not ended yet, or that still has a lock to give back.
select
    format('payment %s', id) as subject,
    format(
        'is %s, %s',
        status,
        case
            when unlock_due_at is not null then 'and has a lock to give back'
            when confirm_started_at is null then 'and its hold is over'
            else format('confirm begun at %s, asked about next at %s', confirm_started_at, next_check_at)
        end
    ) as finding
from payment_service.payments
where unlock_due_at is not null
    or (status = 'PENDING' and (confirm_started_at is not null or expires_at <= clock_timestamp()))
