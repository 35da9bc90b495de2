//! What breaks orderly books: the check that must find it, the words it must say, and the statements that plant it. Each is
//! planted with every trigger and foreign key off, so that the audit is all that is left to notice. `@x` stands for an id
//! that ends in `x`.

pub(super) const FAULTS: &[(&str, &str, &str)] = &[
    (
        "seat_of_two_reservations",
        "seat @02 of event @e1 belongs to the reservations @a1, @a2",
        "insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
         values ('@a2', '@02', 'A-2', 'A', 100);
         update reservation_service.reservations set status = 'CONFIRMED', cancelled_at = null, cancel_reason = null
         where id = '@a2'",
    ),
    (
        "confirmed_without_its_seats",
        "reservation @a1 is CONFIRMED, but its seat @01 is HELD",
        "update reservation_service.seat_assignments set state = 'HELD' where seat_id = '@01'",
    ),
    (
        "confirmed_without_its_seats",
        "reservation @a1 is CONFIRMED, but has no seats",
        "delete from reservation_service.reservation_seats where reservation_id = '@a1'",
    ),
    (
        "held_without_its_seats",
        "but its seat @03 is nobody's",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at)
         values ('@a3', gen_random_uuid(), '@e1', 100, now() + interval '1 minute', 't', now(), now());
         insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
         values ('@a3', '@03', 'A-3', 'A', 100)",
    ),
    (
        "held_without_its_seats",
        "reservation @a3 is PENDING until infinity, but its seat @03 is HELD until 2",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, payment_id,
                payment_lock_id, payment_locked_at)
         values ('@a3', gen_random_uuid(), '@e1', 100, now() + interval '1 minute', 't', now(), now(), '@f3', '@f3', now());
         insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
         values ('@a3', '@03', 'A-3', 'A', 100);
         insert into reservation_service.seat_assignments (event_id, seat_id, reservation_id, state, expires_at)
         values ('@e1', '@03', '@a3', 'HELD', now() + interval '1 minute')",
    ),
    (
        "assigned_without_reservation",
        "seat @03 of event @e1 is HELD for the reservation @a2, which is CANCELLED",
        "insert into reservation_service.seat_assignments (event_id, seat_id, reservation_id, state, expires_at)
         values ('@e1', '@03', '@a2', 'HELD', 'infinity')",
    ),
    (
        "confirmed_without_its_payment",
        "reservation @a1 is CONFIRMED for 201 won by the payment @f1",
        "update reservation_service.reservations set total_amount = 201 where id = '@a1'",
    ),
    (
        "captured_without_a_booking",
        "payment @f1 captured 200 won and is SUCCESS, but its reservation @a1 is CANCELLED and its refund was never asked for",
        "update reservation_service.reservations set status = 'CANCELLED', cancelled_at = now(), cancel_reason = 'HOLD_EXPIRED'
         where id = '@a1'",
    ),
    (
        "refund_given_up",
        "refund @d2 of payment @f2 (100 won) is FAILED after 0 attempts: PortOne said no",
        "update payment_service.refunds set status = 'FAILED', completed_at = null, last_error = 'PortOne said no'",
    ),
    (
        "refund_given_up",
        "refund @d2 of payment @f2 (100 won) is PROCESSING and due since",
        "update payment_service.refunds
         set status = 'PROCESSING', completed_at = null, next_attempt_at = now() - interval '1 hour'",
    ),
    (
        "refund_contradicts_its_payment",
        "payment @f2 is REFUNDED with 100 won, but its refund is FAILED",
        "update payment_service.refunds set status = 'FAILED', completed_at = null",
    ),
    (
        "refund_contradicts_its_payment",
        "payment @f2 is REFUNDED with 100 won, but its refund is SUCCEEDED with 99",
        "update payment_service.refunds set amount = 99",
    ),
    (
        "payment_forgotten",
        "payment @f1 began to be confirmed at",
        "update payment_service.payments set status = 'PENDING', captured = false where id = '@f1'",
    ),
    (
        "payment_forgotten",
        "payment @f1 was never confirmed, and its hold ended at",
        "update payment_service.payments
         set status = 'PENDING', captured = false, confirm_started_at = null, expires_at = now() - interval '1 hour'
         where id = '@f1'",
    ),
    (
        "total_is_not_its_seats",
        "reservation @a1 costs 200 won, but its seats cost 190",
        "update reservation_service.reservation_seats set price = 90 where seat_id = '@01'",
    ),
    (
        "message_not_sent",
        "PaymentRefunded of payment_svc_user is unpublished",
        "update common.outbox_events set published = false, published_at = null where event_type = 'PaymentRefunded'",
    ),
    (
        "message_not_sent",
        "PaymentRefunded of payment_svc_user is parked",
        "update common.outbox_events set published = false, published_at = null, parked_at = now()
         where event_type = 'PaymentRefunded'",
    ),
    (
        "message_not_handled",
        "ReservationCancelled of key @a2, sent at",
        "delete from payment_service.processed_events
         where event_id = (select id from common.outbox_events where event_type = 'ReservationCancelled')",
    ),
    (
        "payment_state_not_projected",
        "shows its payment @f2 as SUCCESS, refund SUCCEEDED, which is REFUNDED",
        "update reservation_service.reservations set payment_status = 'SUCCESS' where id = '@a2'",
    ),
    (
        "payment_state_not_projected",
        "shows its payment @f2 as REFUNDED, refund REQUESTED, which is REFUNDED",
        "update reservation_service.reservations set refund_status = 'REQUESTED' where id = '@a2'",
    ),
    (
        "seat_map_wrong",
        "seat @02 of event @e1 is shown as AVAILABLE and sold to the reservation @a1",
        "update event_service.seats set status = 'AVAILABLE' where id = '@02'",
    ),
    (
        "claim_wrong",
        "seat @03 is claimed (PAID) by the reservation @a2, which is CANCELLED",
        "update event_service.seat_claims set claim = 'PAID' where seat_id = '@03'",
    ),
    (
        "claim_wrong",
        "seat @01 of the reservation @a1, which is CONFIRMED, is not claimed",
        "delete from event_service.seat_claims where seat_id = '@01'",
    ),
    (
        "claim_wrong",
        "seat @03 is shown as SOLD against its claims",
        "update event_service.seats set status = 'SOLD' where id = '@03'",
    ),
    (
        "sold_count_wrong",
        "grade A of event @e1 counts 3 seats and 1 sold, but has 3 and 2",
        "update event_service.event_grades set seats_sold = 1",
    ),
    (
        "saga_not_told",
        "saga of reservation @a2 believes it CONFIRMED, but it is CANCELLED",
        "update payment_service.payment_sagas set reservation_status = 'CONFIRMED' where reservation_id = '@a2'",
    ),
    (
        "saga_stuck",
        "saga of reservation @a1 is PAID since",
        "update payment_service.payment_sagas
         set step = 'PAID', step_since = now() - interval '6 minutes', next_nudge_at = now()
         where reservation_id = '@a1'",
    ),
    (
        "expired_and_pending",
        "is PENDING, unlocked, and ended at",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at)
         values ('@a3', gen_random_uuid(), '@e1', 0, now() - interval '6 seconds', 't', now(), now())",
    ),
    (
        "seat_kept_after_its_hold",
        "for the reservation @a3, whose hold ended at",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at)
         values ('@a3', gen_random_uuid(), '@e1', 0, now() - interval '6 seconds', 't', now(), now());
         insert into reservation_service.seat_assignments (event_id, seat_id, reservation_id, state, expires_at)
         values ('@e1', '@03', '@a3', 'HELD', 'infinity')",
    ),
    (
        "locked_for_a_finished_payment",
        "for the payment @f2, which is REFUNDED",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, payment_id,
                payment_lock_id, payment_locked_at)
         values ('@a3', gen_random_uuid(), '@e1', 0, now(), 't', now(), now(), '@f2', '@f2', now());
         update payment_service.payments set updated_at = now() - interval '6 seconds' where id = '@f2'",
    ),
    (
        "locked_for_a_finished_payment",
        "for the payment @f9, which is unknown",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, payment_id,
                payment_lock_id, payment_locked_at, payment_asked_at)
         values ('@a3', gen_random_uuid(), '@e1', 0, now(), 't', now(), now(), '@f9', '@f9', now() - interval '3 minutes',
            now())",
    ),
    (
        "lock_not_asked_after",
        "reservation @a3 is locked since",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, payment_id,
                payment_lock_id, payment_locked_at)
         values ('@a3', gen_random_uuid(), '@e1', 0, now(), 't', now(), now(), '@f9', '@f9', now() - interval '3 minutes')",
    ),
    (
        "payment_said_otherwise",
        "payment @f2 is REFUNDED, but said: PaymentSuccess",
        "delete from common.outbox_events where event_type = 'PaymentRefunded'",
    ),
    (
        "payment_said_otherwise",
        "payment @f1 is SUCCESS, but said: PaymentSuccess, PaymentFailed",
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
         values (uuidv7(), 'payment_svc_user', 'Payment', '@f1', 'PaymentFailed', 'payment.events', '@a1', '{}')",
    ),
    (
        "reservation_said_otherwise",
        "reservation @a2 is CANCELLED, but said: ReservationConfirmed",
        "delete from common.outbox_events where event_type = 'ReservationCancelled'",
    ),
    (
        "reservation_said_otherwise",
        "reservation @a1 is CONFIRMED, but said: ReservationConfirmed, ReservationConfirmed",
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
         values (uuidv7(), 'reservation_svc_user', 'Reservation', '@a1', 'ReservationConfirmed', 'reservation.events',
            '@a1', '{}')",
    ),
    (
        "saga_contradicts_its_payment",
        "saga of reservation @a1 is FAILED, but its payment @f1 is SUCCESS and its refund none",
        "update payment_service.payment_sagas set step = 'FAILED' where reservation_id = '@a1'",
    ),
    (
        "live_in_a_closed_event",
        "reservation @a1 is CONFIRMED, but its event @e1 was closed at",
        "insert into reservation_service.closed_events (event_id, reason, finished_at) values ('@e1', 'CANCELLED', now())",
    ),
    (
        "portone_differs",
        "payment @f1 is SUCCESS with 150 won captured and 0 refunded, but PortOne captured 200 and cancelled 0",
        "update payment_service.payments set amount = 150 where id = '@f1'",
    ),
    (
        "sums_differ",
        "the sum of our books is 300 won captured, but 201 confirmed by ours and 100 given back",
        "update reservation_service.reservations set total_amount = 201 where id = '@a1'",
    ),
    (
        "sums_differ",
        "the sum of PortOne's books is 300 won captured, but 0 confirmed by ours and 100 given back",
        "delete from reservation_service.reservations where id = '@a1'",
    ),
];

/// What is on its way and breaks nothing, with the words by which it is told.
pub(super) const MOVEMENTS: &[(&str, &str)] = &[
    (
        "EventChanged of key @e1 is not sent yet",
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
         values (uuidv7(), 'event_svc_user', 'Event', '@e1', 'EventChanged', 'event.events', '@e1', '{}')",
    ),
    (
        "ReservationCancelled of key @a2 is not handled yet by payment-reservation-consumer, queue-reservation-consumer",
        "delete from payment_service.processed_events; delete from queue_service.processed_events;
         insert into payment_service.processed_events (event_id, consumer)
         select id, 'payment-reservation-consumer' from common.outbox_events where event_type = 'ReservationConfirmed';
         insert into queue_service.processed_events (event_id, consumer)
         select id, 'queue-reservation-consumer' from common.outbox_events where event_type = 'ReservationConfirmed'",
    ),
    (
        "refund @d1 of payment @f1 is REQUESTED after 3 attempts: busy",
        "update reservation_service.reservations
         set status = 'CANCELLED', cancelled_at = now(), cancel_reason = 'USER_REQUEST', refund_status = 'REQUESTED',
            refund_amount = 200
         where id = '@a1';
         delete from reservation_service.seat_assignments;
         update event_service.seat_claims set claim = 'RELEASED';
         update event_service.seats set status = 'AVAILABLE';
         update event_service.event_grades set seats_sold = 0;
         update payment_service.payment_sagas set step = 'REFUNDING', reservation_status = 'CANCELLED'
         where reservation_id = '@a1';
         insert into payment_service.refunds (id, payment_id, amount, reason, attempts, deadline_at, last_error)
         values ('@d1', '@f1', 200, 'RESERVATION_CANCELLED', 3, now() + interval '1 hour', 'busy');
         insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
         values (uuidv7(), 'reservation_svc_user', 'Reservation', '@a1', 'ReservationCancelled', 'reservation.events',
            '@a1', '{}')",
    ),
    (
        "webhook w (Transaction.Paid) about p has been tried 2 times",
        "insert into payment_service.webhook_deliveries (webhook_id, event_type, payment_id, attempts)
         values ('w', 'Transaction.Paid', 'p', 2)",
    ),
    (
        "reservation @a3 ended at",
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at)
         values ('@a3', gen_random_uuid(), '@e1', 0, now() - interval '1 second', 't', now(), now())",
    ),
    (
        "event @e1 was closed at",
        "insert into reservation_service.closed_events (event_id, reason) values ('@e1', 'CANCELLED')",
    ),
    (
        "payment @f3 is FAILED with 0 won captured and 0 refunded, but PortOne captured 300 and cancelled 0",
        "insert into payment_service.payments
            (id, reservation_id, user_id, payment_key, payment_method, status, failure_reason, amount, concert_id, seat_ids,
                reservation_version, order_name, expires_at, next_check_at)
         values ('@f3', '@a9', gen_random_uuid(), gen_random_uuid(), 'CARD', 'FAILED', 'NOT_CHARGED', 300, '@e1',
            array[gen_random_uuid()], 1, 'o', now(), now() + interval '1 hour')",
    ),
];
