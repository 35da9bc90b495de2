-- What is on its way, in one row, and what needs somebody.
select
    (select count(*) from reservation_service.reservations where status = 'PENDING') as reservations_pending,
    (select count(*) from reservation_service.seat_assignments where state = 'HELD' and expires_at > clock_timestamp()) as seats_held,
    (select count(*) from payment_service.payments where status = 'PENDING') as payments_pending,
    (select count(*) from payment_service.payment_sagas where step = 'PAID') as sagas_paid,
    (select count(*) from payment_service.payment_sagas
        where step = 'PAID' and step_since < clock_timestamp() - interval '2 minutes') as sagas_stuck,
    (select count(*) from payment_service.refunds where status not in ('SUCCEEDED', 'FAILED')) as refunds_waiting,
    (select count(*) from payment_service.refunds where status = 'FAILED') as refunds_failed
