-- One concert with what is set for its line, or all whose sale is not over, those on sale first.
select
    event.id as event_id,
    event.title,
    case
        when event.cancelled_at is not null then 'CANCELLED'
        when event.sale_end_at <= clock_timestamp() then 'CLOSED'
        when event.sale_start_at <= clock_timestamp() then 'OPEN'
        else 'UPCOMING'
    end as sale,
    event.sale_start_at,
    event.sale_end_at,
    settings.admission_per_second,
    settings.max_active,
    coalesce(settings.paused, false) as paused,
    settings.updated_at as changed_at
from event_service.events as event
left join queue_service.event_settings as settings on settings.event_id = event.id
where event.id = $1
    or ($1 is null and event.cancelled_at is null and event.sale_end_at > clock_timestamp())
order by event.sale_start_at, event.id
limit $2
