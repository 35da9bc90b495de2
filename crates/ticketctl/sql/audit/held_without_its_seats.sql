-- A reservation whose hold lasts, or that a payment has locked, and that others could take a seat from: it is not assigned
-- to it, or for a shorter time than the reservation has. A lock keeps its seats for ever.
-- Do: nothing while it is unpaid; a payment that comes too late is refunded by itself. Report it: a hold or lock went wrong.
select
    format('reservation %s', reservation.id) as subject,
    format(
        'is PENDING until %s, but its seat %s is %s',
        kept.until,
        seat.seat_id,
        case
            when assignment.seat_id is null then 'nobody''s'
            when assignment.reservation_id <> reservation.id then format('of %s', assignment.reservation_id)
            else format('%s until %s', assignment.state, assignment.expires_at)
        end
    ) as finding
from reservation_service.reservations as reservation
cross join lateral (
    select case when reservation.payment_lock_id is null then reservation.hold_expires_at else 'infinity' end as until
) as kept
join reservation_service.reservation_seats as seat on seat.reservation_id = reservation.id
left join reservation_service.seat_assignments as assignment
    on assignment.event_id = reservation.event_id and assignment.seat_id = seat.seat_id
where reservation.status = 'PENDING'
    and kept.until > clock_timestamp()
    and (
        assignment.seat_id is null
        or assignment.reservation_id <> reservation.id
        or assignment.state <> 'HELD'
        or assignment.expires_at < kept.until
    )
