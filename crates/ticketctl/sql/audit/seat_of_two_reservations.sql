-- A seat that two confirmed reservations of one concert have.
select
    format('seat %s of event %s', seat.seat_id, reservation.event_id) as subject,
    format('belongs to the reservations %s', string_agg(reservation.id::text, ', ' order by reservation.id)) as finding
from reservation_service.reservations as reservation
join reservation_service.reservation_seats as seat on seat.reservation_id = reservation.id
where reservation.status = 'CONFIRMED'
group by reservation.event_id, seat.seat_id
having count(*) > 1
