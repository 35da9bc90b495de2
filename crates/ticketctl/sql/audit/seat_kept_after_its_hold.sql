-- A seat that is kept from others although the hold ended more than 5 seconds ago and no payment runs.
-- Do: check that the reservation service runs; if the seat stays, delete its assignment.
select
    format('seat %s of event %s', assignment.seat_id, assignment.event_id) as subject,
    format(
        'is HELD until %s for the reservation %s, whose hold ended at %s',
        assignment.expires_at,
        reservation.id,
        reservation.hold_expires_at
    ) as finding
from reservation_service.seat_assignments as assignment
join reservation_service.reservations as reservation on reservation.id = assignment.reservation_id
where assignment.state = 'HELD'
    and assignment.expires_at > clock_timestamp()
    and reservation.payment_lock_id is null
    and reservation.hold_expires_at < clock_timestamp() - interval '5 seconds'
