-- Each row that says where a booking stands, in words.
select 'reservation' as part, reservation.id, reservation.status,
    concat_ws(', ',
        format('%s won', reservation.total_amount),
        format('held until %s', to_char(reservation.hold_expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
        'cancelled: ' || reservation.cancel_reason,
        'locked for payment ' || reservation.payment_lock_id,
        'shows payment ' || reservation.payment_id || ' as ' || reservation.payment_status,
        'shows refund ' || reservation.refund_status,
        format('version %s', reservation.version)
    ) as words
from reservation_service.reservations as reservation
where reservation.id = $1
union all
select 'saga', saga.reservation_id, saga.step,
    concat_ws(', ',
        'payment ' || saga.payment_id,
        'believes the reservation ' || saga.reservation_status,
        format('%s nudges', saga.nudges),
        'next nudge ' || to_char(saga.next_nudge_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    )
from payment_service.payment_sagas as saga
where saga.reservation_id = $1
union all
select 'payment', payment.id, payment.status,
    concat_ws(', ',
        format('%s won', payment.amount),
        payment.failure_reason,
        case when payment.captured then 'captured' else 'not captured' end,
        'next check ' || to_char(payment.next_check_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'has a lock to give back' || case when payment.unlock_due_at is not null then '' end
    )
from payment_service.payments as payment
where payment.reservation_id = $1
union all
select 'refund', refund.id, refund.status,
    concat_ws(', ',
        format('%s won', refund.amount),
        refund.reason,
        format('%s attempts', refund.attempts),
        'next ' || to_char(refund.next_attempt_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        refund.last_error
    )
from payment_service.refunds as refund
join payment_service.payments as payment on payment.id = refund.payment_id
where payment.reservation_id = $1
union all
select * from (
    select 'seat', seat.seat_id, coalesce(assignment.state, 'FREE'),
        concat_ws(', ',
            seat.seat_number,
            format('%s won', seat.price),
            case when assignment.reservation_id <> $1 then 'of reservation ' || assignment.reservation_id end,
            case when assignment.state = 'HELD' then 'until ' || case
                when isfinite(assignment.expires_at)
                    then to_char(assignment.expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                else 'the payment''s end'
            end end,
            'claim ' || claim.claim,
            'shown as ' || map.status
        )
    from reservation_service.reservations as reservation
    join reservation_service.reservation_seats as seat on seat.reservation_id = reservation.id
    left join reservation_service.seat_assignments as assignment
        on assignment.event_id = reservation.event_id and assignment.seat_id = seat.seat_id
    left join event_service.seat_claims as claim
        on claim.seat_id = seat.seat_id and claim.reservation_id = reservation.id
    left join event_service.seats as map on map.id = seat.seat_id
    where reservation.id = $1
    order by seat.seat_number
) as seats
