-- A claim in the event service's projection that is not what its reservation came to, or a seat whose status its claims do
-- not bear out.
-- Do: find the booking's messages in `ticketctl saga show`; the one that was not handled lies among the dead letters.
select
    format('seat %s', claim.seat_id) as subject,
    format(
        'is claimed (%s) by the reservation %s, which is %s',
        claim.claim,
        claim.reservation_id,
        coalesce(reservation.status, 'unknown')
    ) as finding
from event_service.seat_claims as claim
left join reservation_service.reservations as reservation on reservation.id = claim.reservation_id
where case claim.claim
        when 'RELEASED' then reservation.status is not distinct from 'CONFIRMED'
        when 'CONFIRMED' then reservation.status is distinct from 'CONFIRMED'
        else reservation.status is distinct from 'PENDING'
    end
union all
select
    format('seat %s', seat.seat_id),
    format('of the reservation %s, which is CONFIRMED, is not claimed', reservation.id)
from reservation_service.reservations as reservation
join reservation_service.reservation_seats as seat on seat.reservation_id = reservation.id
where reservation.status = 'CONFIRMED'
    and not exists (
        select from event_service.seat_claims
        where seat_id = seat.seat_id and reservation_id = reservation.id
    )
union all
select
    format('seat %s', seat.id),
    format('is shown as %s against its claims', seat.status)
from event_service.seats as seat
where (seat.status = 'SOLD') <> exists (
    select from event_service.seat_claims
    where seat_id = seat.id and claim in ('PAID', 'CONFIRMED')
)
