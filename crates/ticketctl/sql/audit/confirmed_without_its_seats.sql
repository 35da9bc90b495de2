-- A confirmed reservation that has no seats, or one of whose seats is not assigned to it as sold.
-- Do: look at `ticketctl saga show`; if another reservation has the seat, cancel this one, so that it is refunded.
select
    format('reservation %s', reservation.id) as subject,
    case
        when seat.seat_id is null then 'is CONFIRMED, but has no seats'
        else format(
            'is CONFIRMED, but its seat %s is %s',
            seat.seat_id,
            case
                when assignment.seat_id is null then 'nobody''s'
                when assignment.reservation_id <> reservation.id then format('of %s', assignment.reservation_id)
                else assignment.state
            end
        )
    end as finding
from reservation_service.reservations as reservation
left join reservation_service.reservation_seats as seat on seat.reservation_id = reservation.id
left join reservation_service.seat_assignments as assignment
    on assignment.event_id = reservation.event_id and assignment.seat_id = seat.seat_id
where reservation.status = 'CONFIRMED'
    and (
        assignment.seat_id is null
        or assignment.reservation_id <> reservation.id
        or assignment.state <> 'SOLD'
    )
