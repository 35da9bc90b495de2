//! Refunds and sagas as operators see and push them, on rows as the services write them. That the services then act is
//! tested in `system-tests`.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use test_support::TestEnv;

use crate::command::{Ran, superuser, ticketctl};

const ORDERLY: &str = include_str!("audit/orderly.sql");

struct Desk {
    env: TestEnv,
    database: PgPool,
}

fn ids(text: &str) -> String {
    text.replace('@', "00000000-0000-7000-8000-0000000000")
}

impl Desk {
    async fn open(statements: &str) -> Self {
        let env = TestEnv::new().await;
        let database = superuser(&env).await;
        let statements = format!(
            "{ORDERLY};\n{}; set session_replication_role = default",
            ids(statements)
        );
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&database)
            .await
            .unwrap();
        Self { env, database }
    }

    async fn run(&self, command: &str) -> Ran {
        let command = ids(command);
        let arguments: Vec<&str> = command.split(' ').collect();
        ticketctl(&self.env, &arguments).await
    }

    async fn holds(&self, condition: &str) -> bool {
        let statement = ids(&format!(
            "select coalesce(bool_and({condition}), false) from payment_service.refunds
            full join payment_service.payments on payments.id = refunds.payment_id
            full join payment_service.payment_sagas on payment_sagas.reservation_id = payments.reservation_id
            where payment_sagas.reservation_id = '@a1'"
        ));
        sqlx::query_scalar(AssertSqlSafe(statement))
            .fetch_one(&self.database)
            .await
            .unwrap()
    }
}

/// The booking a1 was cancelled and its refund is FAILED; a2's is done.
const GIVEN_UP: &str = "
    update payment_service.payment_sagas set step = 'REFUNDING', reservation_status = 'CANCELLED'
    where reservation_id = '@a1';
    insert into payment_service.refunds
        (id, payment_id, amount, reason, status, attempts, requested_at, next_attempt_at, deadline_at, last_error)
    values ('@d1', '@f1', 200, 'RESERVATION_CANCELLED', 'FAILED', 7, now() - interval '25 hours', null,
        now() - interval '1 hour', 'PortOne: PG_PROVIDER error')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_was_given_up_is_seen_and_put_back_once() {
    let desk = Desk::open(GIVEN_UP).await;
    let list = desk.run("refund list").await.ok();
    let line =
        ids("FAILED     payment @f1 of reservation @a1: 200 won since 25 h, 7 attempts: PortOne: PG_PROVIDER error");
    assert!(
        list.contains(&line) && list.contains("1 refunds, 1 of them FAILED."),
        "{list}"
    );
    let done = desk.run("refund list --status succeeded").await.ok();
    assert!(
        done.contains(&ids("payment @f2")) && !done.contains(&ids("payment @f1")),
        "{done}"
    );
    let shown = desk.run("refund show @f1").await.ok();
    assert!(
        shown.contains("RESERVATION_CANCELLED") && shown.contains("25 h ago"),
        "{shown}"
    );
    let json: Value = serde_json::from_str(&desk.run("refund list --json").await.ok()).unwrap();
    assert_eq!(json[0]["paymentId"], ids("@f1"));
    assert_eq!(json[0]["attempts"], 7);

    let retried = desk.run("refund retry @f1").await.ok();
    assert!(
        retried.contains(&ids("the refund of payment @f1 (200 won) is tried again now")),
        "{retried}"
    );
    let put_back = "refunds.status = 'REQUESTED' and next_attempt_at <= now() and attempts = 7
        and deadline_at > now() + interval '23 hours' and step = 'REFUNDING'";
    assert!(desk.holds(put_back).await);

    let again = desk.run("refund retry @f1").await;
    assert!(
        !again.success && again.stderr.contains("is REQUESTED; the payment service tries it"),
        "{again:?}"
    );
    let done = desk.run("refund retry @f2 @f9").await;
    assert!(
        !done.success && done.stderr.contains(&ids("payment @f2 SUCCEEDED at")),
        "{done:?}"
    );
    assert!(
        done.stderr.contains(&ids("there is no refund of a payment @f9")),
        "{done:?}"
    );
    let none = desk.run("refund retry --all-failed").await.ok();
    assert!(none.contains("0 refunds put back."), "{none}");
    let unknown = desk.run("refund show @f9").await;
    assert!(
        !unknown.success && unknown.stderr.contains("there is no refund"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_that_need_somebody_come_first() {
    let desk = Desk::open(&format!(
        "{GIVEN_UP};
         insert into payment_service.payments
            (id, reservation_id, user_id, payment_key, payment_method, status, amount, concert_id, seat_ids,
                reservation_version, order_name, expires_at, captured, failure_reason)
         select replace(id::text, 'f1', n)::uuid, reservation_id, user_id, gen_random_uuid(), payment_method, 'FAILED', amount,
            concert_id, seat_ids, 1, 'o', now(), true, 'NOT_CHARGED'
         from payment_service.payments, unnest(array['f3', 'f4']) as n where id = '@f1';
         insert into payment_service.refunds (id, payment_id, amount, reason, status, requested_at, deadline_at)
         values ('@d3', '@f3', 100, 'LATE_CAPTURE', 'REQUESTED', now() - interval '30 hours', now() + interval '1 hour'),
            ('@d4', '@f4', 100, 'LATE_CAPTURE', 'PROCESSING', now() - interval '1 hour', now() - interval '1 minute')"
    ))
    .await;
    let list = desk.run("refund list").await.ok();
    let states: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(states, ["FAILED", "OVERDUE", "REQUESTED", "3"], "{list}");
    let all = desk.run("refund retry --all-failed").await.ok();
    assert!(all.contains("1 refunds put back."), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_booking_is_shown_with_its_whole_history() {
    let desk = Desk::open(
        "delete from queue_service.processed_events
         where event_id = (select id from common.outbox_events where event_type = 'ReservationCancelled')",
    )
    .await;
    // By the payment's id too, as an audit names it.
    for booking in ["@a2", "@f2"] {
        let shown = desk.run(&format!("saga show {booking}")).await.ok();
        for words in [
            "reservation @a2 CANCELLED  100 won",
            "shows payment @f2 as REFUNDED, shows refund SUCCEEDED",
            "saga        @a2 REFUNDED   payment @f2",
            "payment     @f2 REFUNDED   100 won, captured",
            "refund      @d2 SUCCEEDED  100 won, RESERVATION_CANCELLED",
            "seat        @03 FREE       A-3, 100 won, claim RELEASED, shown as AVAILABLE",
            "payment @f2: given back",
            "handled by event-reservation-consumer, payment-reservation-consumer; NOT HANDLED by queue-reservation-consumer",
        ] {
            assert!(shown.contains(&ids(words)), "{words} is not in:\n{shown}");
        }
        let place = |word: &str| shown.find(word).unwrap_or_else(|| panic!("{word} is not in:\n{shown}"));
        let order = [
            "PaymentSuccess",
            "ReservationConfirmed",
            "ReservationCancelled",
            "PaymentRefunded",
        ]
        .map(place);
        assert!(order.is_sorted(), "{shown}");
        assert!(!shown.contains(&ids("@a1")), "{shown}");
    }
    let json: Value = serde_json::from_str(&desk.run("saga show @a2 --json").await.ok()).unwrap();
    assert_eq!(json["states"][0]["status"], "CANCELLED");
    let unknown = desk.run("saga show @a9").await;
    assert!(
        !unknown.success && unknown.stderr.contains("neither a reservation nor a payment"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_booking_is_listed_and_driven() {
    let desk = Desk::open(
        "update payment_service.payment_sagas
         set step = 'PAID', step_since = now() - interval '10 minutes', nudges = 3, next_nudge_at = now() + interval '1 hour'
         where reservation_id = '@a1'",
    )
    .await;
    let list = desk.run("saga list --stuck").await.ok();
    let line = "PAID      since 10 min  reservation @a1 (CONFIRMED), payment @f1 (SUCCESS), refund none, 3 nudges; STUCK: nothing";
    assert!(
        list.contains(&ids(line)) && list.contains("1 bookings, 1 of them stuck."),
        "{list}"
    );
    let json: Value = serde_json::from_str(&desk.run("saga list --json").await.ok()).unwrap();
    assert_eq!(json[0]["reservationId"], ids("@a1"));

    let driven = desk.run("saga drive @a1").await.ok();
    assert!(driven.contains("the reservation service is asked"), "{driven}");
    assert!(desk.holds("next_nudge_at <= now() and next_check_at <= now()").await);

    let done = desk.run("saga drive @a2").await;
    assert!(
        !done.success && done.stderr.contains("nothing is left to do: the booking is REFUNDED"),
        "{done:?}"
    );
    let unknown = desk.run("saga drive @a9").await;
    assert!(
        !unknown.success && unknown.stderr.contains("nobody began to pay"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn driving_a_booking_whose_refund_was_given_up_says_how_to_put_it_back() {
    let desk = Desk::open(GIVEN_UP).await;
    let driven = desk.run("saga drive @f1").await.ok();
    assert!(driven.contains(&ids("ticketctl refund retry @f1")), "{driven}");
    assert!(desk.holds("refunds.status = 'FAILED'").await);
    let list = desk.run("saga list --stuck").await.ok();
    assert!(list.contains("STUCK: its refund was given up"), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_refuses_moves_that_do_not_exist() {
    let desk = Desk::open("").await;
    for (constraint, statement) in [
        (
            "reservations_transition",
            "update reservation_service.reservations
             set status = 'PENDING', cancelled_at = null, cancel_reason = null, confirmed_at = null where id = '@a2'",
        ),
        (
            "reservations_transition",
            "update reservation_service.reservations set status = 'PENDING', confirmed_at = null where id = '@a1'",
        ),
        (
            "seat_assignments_sold_stays",
            "update reservation_service.seat_assignments set reservation_id = '@a2' where seat_id = '@01'",
        ),
        (
            "refunds_transition",
            "update payment_service.refunds set status = 'REQUESTED', completed_at = null, next_attempt_at = now()",
        ),
        (
            "payment_sagas_transition",
            "update payment_service.payment_sagas set step = 'PAID' where reservation_id = '@a1'",
        ),
        (
            "payment_sagas_transition",
            "update payment_service.payment_sagas set step = 'STARTED', payment_id = '@f9' where reservation_id = '@a1'",
        ),
    ] {
        let error = sqlx::raw_sql(AssertSqlSafe(ids(statement)))
            .execute(&desk.database)
            .await
            .unwrap_err();
        assert_eq!(
            error.as_database_error().unwrap().constraint(),
            Some(constraint),
            "{error}"
        );
    }
}
