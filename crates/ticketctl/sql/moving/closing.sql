-- A concert whose reservations are being ended.
select
    format('event %s', closed.event_id) as subject,
    format('was closed at %s and still has live reservations', closed.closed_at) as finding
from reservation_service.closed_events as closed
where closed.finished_at is null
    and exists (
        select from reservation_service.reservations
        where event_id = closed.event_id and status in ('PENDING', 'CONFIRMED')
    )
