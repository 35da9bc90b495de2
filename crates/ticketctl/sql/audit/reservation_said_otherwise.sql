-- A reservation whose messages, in their order, are not those of the way to its state (§8): nothing while PENDING, one
-- ReservationConfirmed for CONFIRMED, and last one ReservationCancelled, or a ReservationConfirmationFailed instead of both,
-- for CANCELLED. After a confirmation the cancellation is told again while the refund takes long. A failed confirmation of another payment, or of a reservation that was over, changes nothing.
-- Do: follow `ticketctl saga show`; report it, since no way through the code leads here.
with said as (
    select
        aggregate_id,
        string_agg(event_type, ', ' order by seq) as words,
        string_agg(
            case
                when event_type = 'ReservationConfirmed' then 'K'
                when event_type = 'ReservationCancelled' then 'X'
                when payload -> 'payload' ->> 'reason' in ('ALREADY_CONFIRMED', 'ALREADY_CANCELLED') then ''
                else 'F'
            end,
            '' order by seq
        ) as letters
    from common.outbox_events
    where aggregate_type = 'Reservation'
    group by aggregate_id
)
select
    format('reservation %s', reservation.id) as subject,
    format('is %s, but said: %s', reservation.status, coalesce(said.words, 'nothing')) as finding
from reservation_service.reservations as reservation
left join said on said.aggregate_id = reservation.id
where reservation.created_at > clock_timestamp() - current_setting('ticketctl.retention')::interval
    and coalesce(said.letters, '') !~ case reservation.status
        when 'PENDING' then '^$'
        when 'CONFIRMED' then '^K$'
        else '^(X|KX+|F)$'
    end
