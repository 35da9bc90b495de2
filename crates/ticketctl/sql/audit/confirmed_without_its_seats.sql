-- A confirmed reservation one of whose seats is not assigned to it as sold.
select
    format('reservation %s', reservation.id) as subject,
    format(
        'is CONFIRMED, but its seat %s is %s',
        seat.seat_id,
        case
            when assignment.seat_id is null then 'nobody''s'
            when assignment.reservation_id <> reservation.id then format('of %s', assignment.reservation_id)
            else assignment.state
        end
    ) as finding
from reservation_service.reservations as reservation
join reservation_service.reservation_seats as seat on seat.reservation_id = reservation.id
left join reservation_service.seat_assignments as assignment
    on assignment.event_id = reservation.event_id and assignment.seat_id = seat.seat_id
where reservation.status = 'CONFIRMED'
    and (
        assignment.seat_id is null
        or assignment.reservation_id <> reservation.id
        or assignment.state <> 'SOLD'
    )
