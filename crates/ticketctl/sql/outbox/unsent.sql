-- What each service has not sent yet.
select
    producer,
    count(*) as waiting,
    count(parked_at) as parked,
    extract(epoch from clock_timestamp() - min(created_at))::float8 as oldest_seconds
from common.outbox_events
where not published
group by producer
order by producer
