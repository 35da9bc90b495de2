-- A reservation whose total is not the sum of its seats' prices.
-- Do: refund the difference by hand at PortOne, and put the total right.
select
    format('reservation %s', reservation.id) as subject,
    format('costs %s won, but its seats cost %s', reservation.total_amount, coalesce(sum(seat.price), 0)) as finding
from reservation_service.reservations as reservation
left join reservation_service.reservation_seats as seat on seat.reservation_id = reservation.id
group by reservation.id
having reservation.total_amount <> coalesce(sum(seat.price), 0)
