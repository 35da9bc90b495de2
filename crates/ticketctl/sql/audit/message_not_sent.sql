-- A message that has not left its service for longer than it may take.
-- Do: parked ones: `ticketctl outbox list`, then retry or skip. Others: check that Kafka and the message's service run.
select
    format('message %s', id) as subject,
    format(
        '%s of %s is %s since %s: %s',
        event_type,
        producer,
        case when parked_at is null then 'unpublished' else 'parked' end,
        created_at,
        coalesce(last_error, 'no error')
    ) as finding
from common.outbox_events
where not published
    and (parked_at is not null or created_at < clock_timestamp() - current_setting('ticketctl.grace')::interval)
