-- A concert of three seats at 100 won. Two are sold to the reservation a1 by the payment f1, everywhere; the reservation a2
-- was paid by f2, cancelled and refunded. Ids are spelled out so that a finding can be recognised.
set session_replication_role = replica;
-- Deleted and not truncated, because some tests do this while an audit reads.
delete from event_service.seats;
delete from event_service.event_grades;
delete from event_service.seat_claims;
delete from event_service.processed_events;
delete from reservation_service.reservations;
delete from reservation_service.reservation_seats;
delete from reservation_service.seat_assignments;
delete from reservation_service.closed_events;
delete from reservation_service.processed_events;
delete from payment_service.payments;
delete from payment_service.refunds;
delete from payment_service.payment_sagas;
delete from payment_service.processed_events;
delete from payment_service.webhook_deliveries;
delete from queue_service.processed_events;
delete from common.outbox_events;

insert into event_service.seats (id, event_id, seat_index, seat_number, grade, price, status)
select ('00000000-0000-7000-8000-00000000000' || n)::uuid, '00000000-0000-7000-8000-0000000000e1', n, 'A-' || n, 'A',
    100, case when n < 3 then 'SOLD' else 'AVAILABLE' end
from generate_series(1, 3) as n;
insert into event_service.event_grades (event_id, grade, price, seats_total, seats_sold)
values ('00000000-0000-7000-8000-0000000000e1', 'A', 100, 3, 2);
insert into event_service.seat_claims (seat_id, reservation_id, claim)
values
    ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'CONFIRMED'),
    ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-0000000000a1', 'CONFIRMED'),
    ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-0000000000a2', 'RELEASED');

insert into reservation_service.reservations
    (id, user_id, event_id, status, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, payment_id,
        payment_status, confirmed_at, cancelled_at, cancel_reason, refund_status, refund_amount)
values
    ('00000000-0000-7000-8000-0000000000a1', gen_random_uuid(), '00000000-0000-7000-8000-0000000000e1', 'CONFIRMED',
        200, now(), 't', now(), now(), '00000000-0000-7000-8000-0000000000f1', 'SUCCESS', now(), null, null, null, null),
    ('00000000-0000-7000-8000-0000000000a2', gen_random_uuid(), '00000000-0000-7000-8000-0000000000e1', 'CANCELLED',
        100, now(), 't', now(), now(), '00000000-0000-7000-8000-0000000000f2', 'REFUNDED', now(), now(), 'USER_REQUEST',
        'SUCCEEDED', 100);
insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
values
    ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000001', 'A-1', 'A', 100),
    ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000002', 'A-2', 'A', 100),
    ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000003', 'A-3', 'A', 100);
insert into reservation_service.seat_assignments (event_id, seat_id, reservation_id, state, expires_at)
select '00000000-0000-7000-8000-0000000000e1', seat_id, reservation_id, 'SOLD', 'infinity'
from reservation_service.reservation_seats
where reservation_id = '00000000-0000-7000-8000-0000000000a1';

insert into payment_service.payment_sagas (reservation_id, user_id, payment_id, step, reservation_status)
values
    ('00000000-0000-7000-8000-0000000000a1', gen_random_uuid(), '00000000-0000-7000-8000-0000000000f1', 'CONFIRMED',
        'CONFIRMED'),
    ('00000000-0000-7000-8000-0000000000a2', gen_random_uuid(), '00000000-0000-7000-8000-0000000000f2', 'REFUNDED',
        'CANCELLED');
insert into payment_service.payments
    (id, reservation_id, user_id, payment_key, payment_method, status, amount, concert_id, seat_ids, reservation_version,
        order_name, expires_at, confirm_started_at, captured, paid_at, portone_transaction_id)
values
    ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000a1', gen_random_uuid(),
        gen_random_uuid(), 'CARD', 'SUCCESS', 200, '00000000-0000-7000-8000-0000000000e1', array[gen_random_uuid()], 1,
        'o', now(), now(), true, now(), 'tx'),
    ('00000000-0000-7000-8000-0000000000f2', '00000000-0000-7000-8000-0000000000a2', gen_random_uuid(),
        gen_random_uuid(), 'CARD', 'REFUNDED', 100, '00000000-0000-7000-8000-0000000000e1', array[gen_random_uuid()], 1,
        'o', now(), now(), true, now(), 'tx');
insert into payment_service.refunds (id, payment_id, amount, reason, status, next_attempt_at, deadline_at, completed_at)
values ('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000f2', 100, 'RESERVATION_CANCELLED',
    'SUCCEEDED', null, now(), now());

insert into common.outbox_events
    (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, published, published_at)
select uuidv7(), said.who, said.what, ('00000000-0000-7000-8000-0000000000' || said.id)::uuid, said.event_type, said.topic,
    '00000000-0000-7000-8000-0000000000' || said.booking, '{}', true, now()
from (
    values
        (1, 'payment_svc_user', 'Payment', 'f1', 'PaymentSuccess', 'payment.events', 'a1'),
        (2, 'payment_svc_user', 'Payment', 'f2', 'PaymentSuccess', 'payment.events', 'a2'),
        (3, 'reservation_svc_user', 'Reservation', 'a1', 'ReservationConfirmed', 'reservation.events', 'a1'),
        (4, 'reservation_svc_user', 'Reservation', 'a2', 'ReservationConfirmed', 'reservation.events', 'a2'),
        (5, 'reservation_svc_user', 'Reservation', 'a2', 'ReservationCancelled', 'reservation.events', 'a2'),
        (6, 'payment_svc_user', 'Payment', 'f2', 'PaymentRefunded', 'payment.events', 'a2')
) as said (n, who, what, id, event_type, topic, booking)
order by said.n;
insert into reservation_service.processed_events (event_id, consumer)
select id, 'reservation-payment-consumer' from common.outbox_events where topic = 'payment.events';
insert into event_service.processed_events (event_id, consumer)
select id, 'event-payment-consumer' from common.outbox_events where event_type = 'PaymentSuccess'
union all
select id, 'event-reservation-consumer' from common.outbox_events where topic = 'reservation.events';
insert into payment_service.processed_events (event_id, consumer)
select id, 'payment-reservation-consumer' from common.outbox_events where topic = 'reservation.events';
insert into queue_service.processed_events (event_id, consumer)
select id, 'queue-reservation-consumer' from common.outbox_events where topic = 'reservation.events';
