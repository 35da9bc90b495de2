-- A live reservation of a concert whose reservations were all ended.
-- Do: cancel it in the buyer's stead, so that it is refunded; report it, since a closed concert takes no holds.
select
    format('reservation %s', reservation.id) as subject,
    format('is %s, but its event %s was closed at %s', reservation.status, reservation.event_id, closed.closed_at) as finding
from reservation_service.closed_events as closed
join reservation_service.reservations as reservation on reservation.event_id = closed.event_id
where closed.finished_at is not null and reservation.status in ('PENDING', 'CONFIRMED')
