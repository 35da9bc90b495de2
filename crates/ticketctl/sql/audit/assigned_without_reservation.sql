-- A seat that is kept from others for a reservation that does not have it: sold without a confirmed reservation, or held
-- without a pending one, or not among the reservation's seats.
-- Do: look at `ticketctl saga show`; if nobody paid for the seat, delete the assignment so that it can be sold.
select
    format('seat %s of event %s', assignment.seat_id, assignment.event_id) as subject,
    format(
        'is %s for the reservation %s, which is %s and has %s',
        assignment.state,
        assignment.reservation_id,
        reservation.status,
        case when seat.seat_id is null then 'other seats' else 'this seat' end
    ) as finding
from reservation_service.seat_assignments as assignment
join reservation_service.reservations as reservation on reservation.id = assignment.reservation_id
left join reservation_service.reservation_seats as seat
    on seat.reservation_id = assignment.reservation_id and seat.seat_id = assignment.seat_id
where assignment.expires_at > clock_timestamp()
    and (
        seat.seat_id is null
        or reservation.event_id <> assignment.event_id
        or reservation.status <> case assignment.state when 'SOLD' then 'CONFIRMED' else 'PENDING' end
    )
