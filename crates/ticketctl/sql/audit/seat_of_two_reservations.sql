-- A seat that two live reservations of one concert have: confirmed ones, or holds that last or are locked for a payment.
-- Do: stop the sale (close the concert), then cancel the reservation without the seat's assignment, so that it is refunded.
with live as (
    select id, event_id
    from reservation_service.reservations
    where status = 'CONFIRMED'
        or (status = 'PENDING' and (payment_lock_id is not null or hold_expires_at > clock_timestamp()))
)
select
    format('seat %s of event %s', seat.seat_id, live.event_id) as subject,
    format('belongs to the reservations %s', string_agg(live.id::text, ', ' order by live.id)) as finding
from live
join reservation_service.reservation_seats as seat on seat.reservation_id = live.id
group by live.event_id, seat.seat_id
having count(*) > 1
