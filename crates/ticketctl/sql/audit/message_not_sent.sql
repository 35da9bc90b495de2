-- A message that has not left.
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
