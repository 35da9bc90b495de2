-- A seat that the event service shows otherwise than the reservation service has assigned it.
-- Do: find the booking's messages in `ticketctl saga show`; the one that was not handled lies among the dead letters.
select
    format('seat %s of event %s', coalesce(seat.id, assignment.seat_id), coalesce(seat.event_id, assignment.event_id)) as subject,
    format(
        'is shown as %s and %s',
        coalesce(seat.status, 'unknown'),
        coalesce(format('sold to the reservation %s', assignment.reservation_id), 'not sold')
    ) as finding
from event_service.seats as seat
full join (select * from reservation_service.seat_assignments where state = 'SOLD') as assignment
    on assignment.event_id = seat.event_id and assignment.seat_id = seat.id
where (coalesce(seat.status, 'AVAILABLE') = 'SOLD') <> (assignment.seat_id is not null)
