//! The audit passes over books that are in order and finds each kind of disorder.

use std::future::IntoFuture;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use sqlx::PgPool;
use test_support::TestEnv;
use tokio::{net::TcpListener, task::JoinSet};

use crate::command::{superuser, ticketctl};

/// A concert of three seats at 100 won. Two are sold to one reservation whose payment went through, everywhere; another
/// payment was refunded. Row ids are spelled out so that a finding can be recognised.
const ORDERLY: &str = r"
    set session_replication_role = replica;
    insert into event_service.seats (id, event_id, seat_index, seat_number, grade, price, status)
    select ('00000000-0000-7000-8000-00000000000' || n)::uuid, '00000000-0000-7000-8000-0000000000e1', n, 'A-' || n, 'A',
        100, case when n < 3 then 'SOLD' else 'AVAILABLE' end
    from generate_series(1, 3) as n;
    insert into event_service.event_grades (event_id, grade, price, seats_total, seats_sold)
    values ('00000000-0000-7000-8000-0000000000e1', 'A', 100, 3, 2);

    insert into reservation_service.reservations
        (id, user_id, event_id, status, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, payment_id,
            payment_status, confirmed_at, cancelled_at, cancel_reason)
    values
        ('00000000-0000-7000-8000-0000000000a1', gen_random_uuid(), '00000000-0000-7000-8000-0000000000e1', 'CONFIRMED',
            200, now(), 't', now(), now(), '00000000-0000-7000-8000-0000000000f1', 'SUCCESS', now(), null, null),
        ('00000000-0000-7000-8000-0000000000a2', gen_random_uuid(), '00000000-0000-7000-8000-0000000000e1', 'CANCELLED',
            100, now(), 't', now(), now(), '00000000-0000-7000-8000-0000000000f2', 'REFUNDED', now(), now(), 'USER_REQUEST');
    insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
    values
        ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000001', 'A-1', 'A', 100),
        ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000002', 'A-2', 'A', 100),
        ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000003', 'A-3', 'A', 100);
    insert into reservation_service.seat_assignments (event_id, seat_id, reservation_id, state, expires_at)
    select '00000000-0000-7000-8000-0000000000e1', seat_id, reservation_id, 'SOLD', 'infinity'
    from reservation_service.reservation_seats
    where reservation_id = '00000000-0000-7000-8000-0000000000a1';

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
    values (gen_random_uuid(), '00000000-0000-7000-8000-0000000000f2', 100, 'USER_REQUEST', 'SUCCEEDED', null, now(), now());
";

/// What breaks the books, by which rule and words it is found, and what puts them in order again.
const DISORDERS: [(&str, &str, &str, &str); 13] = [
    (
        "insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
         values ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000002', 'A-2', 'A', 100);
         update reservation_service.reservations set status = 'CONFIRMED', cancelled_at = null, cancel_reason = null
         where status = 'CANCELLED'",
        "I1",
        "belongs to the reservations",
        "update reservation_service.reservations set status = 'CANCELLED', cancelled_at = now(), cancel_reason = 'USER_REQUEST'
         where id = '00000000-0000-7000-8000-0000000000a2';
         delete from reservation_service.reservation_seats where seat_number = 'A-2' and reservation_id::text like '%a2'",
    ),
    (
        "update reservation_service.seat_assignments set state = 'HELD' where seat_id::text like '%01'",
        "I1",
        "seat 00000000-0000-7000-8000-000000000001 is HELD",
        "update reservation_service.seat_assignments set state = 'SOLD'",
    ),
    (
        "insert into reservation_service.seat_assignments (event_id, seat_id, reservation_id, state, expires_at)
         values ('00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-000000000003',
            '00000000-0000-7000-8000-0000000000a2', 'HELD', 'infinity')",
        "I1",
        "is HELD for the reservation 00000000-0000-7000-8000-0000000000a2, which is CANCELLED",
        "delete from reservation_service.seat_assignments where seat_id::text like '%03'",
    ),
    (
        "update reservation_service.reservations set total_amount = 201 where status = 'CONFIRMED'",
        "I2",
        "is CONFIRMED for 201 won",
        "update reservation_service.reservations set total_amount = 200 where status = 'CONFIRMED'",
    ),
    (
        "update reservation_service.reservations set status = 'CANCELLED', cancelled_at = now(), cancel_reason = 'HOLD_EXPIRED'
         where status = 'CONFIRMED'",
        "I2",
        "captured 200 won and is SUCCESS, but its reservation 00000000-0000-7000-8000-0000000000a1 is CANCELLED",
        "update reservation_service.reservations set status = 'CONFIRMED', cancelled_at = null, cancel_reason = null
         where cancel_reason = 'HOLD_EXPIRED'",
    ),
    (
        "update payment_service.refunds set status = 'FAILED', completed_at = null",
        "I2",
        "is FAILED and its payment REFUNDED",
        "update payment_service.refunds set status = 'SUCCEEDED', completed_at = now()",
    ),
    (
        "update payment_service.payments set amount = 150 where amount = 100",
        "I2",
        "but PortOne captured 100 and cancelled 100",
        "update payment_service.payments set amount = 100 where amount = 150",
    ),
    (
        "update reservation_service.reservations set payment_status = 'SUCCESS' where status = 'CANCELLED'",
        "I3",
        "as SUCCESS, which is REFUNDED",
        "update reservation_service.reservations set payment_status = 'REFUNDED' where status = 'CANCELLED'",
    ),
    (
        "update event_service.seats set status = 'AVAILABLE' where seat_index = 2",
        "I3",
        "is shown as AVAILABLE and sold to the reservation 00000000-0000-7000-8000-0000000000a1",
        "update event_service.seats set status = 'SOLD' where seat_index = 2",
    ),
    (
        "update event_service.event_grades set seats_sold = 1",
        "I3",
        "counts 3 seats and 1 sold, but has 3 and 2",
        "update event_service.event_grades set seats_sold = 2",
    ),
    (
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
         values (uuidv7(), 'payment_svc_user', 'Payment', uuidv7(), 'PaymentSuccess', 'payment.events', 'key', '{}')",
        "I3",
        "PaymentSuccess of payment_svc_user is unpublished",
        "delete from common.outbox_events",
    ),
    (
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at)
         values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, now() - interval '1 minute', 't', now(), now())",
        "I4",
        "is PENDING, unlocked, and ended at",
        "delete from reservation_service.reservations where status = 'PENDING'",
    ),
    (
        "insert into reservation_service.reservations
            (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, payment_id,
                payment_lock_id, payment_locked_at)
         values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, now() + interval '1 minute', 't', now(), now(),
            '00000000-0000-7000-8000-0000000000f9', '00000000-0000-7000-8000-0000000000f9', now() - interval '1 minute')",
        "I4",
        "is locked for the payment 00000000-0000-7000-8000-0000000000f9, which is unknown",
        "delete from reservation_service.reservations where status = 'PENDING'",
    ),
];

struct Books {
    env: TestEnv,
    database: PgPool,
    ledger: String,
    _server: JoinSet<std::io::Result<()>>,
}

impl Books {
    async fn with_ledger(ledger: Value) -> Self {
        let env = TestEnv::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ledger", listener.local_addr().unwrap());
        let router = Router::new().route("/ledger", get(async move || Json(ledger.clone())));
        let mut server = JoinSet::new();
        server.spawn(axum::serve(listener, router).into_future());
        Self {
            database: superuser(&env).await,
            env,
            ledger: url,
            _server: server,
        }
    }

    async fn execute(&self, statements: &'static str) {
        sqlx::raw_sql(statements).execute(&self.database).await.unwrap();
    }

    async fn audit(&self) -> (bool, Value) {
        let arguments = [
            "audit",
            "--json",
            "--settle-seconds",
            "0",
            "--portone-ledger-url",
            &self.ledger,
        ];
        let ran = ticketctl(&self.env, &arguments).await;
        let report = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        (ran.success, report)
    }
}

fn ledger() -> Value {
    json!([
        {"paymentId": "000000000000700080000000000000f1", "amount": 200, "captured": 200, "cancelled": 0, "status": "PAID"},
        {"paymentId": "000000000000700080000000000000f2", "amount": 100, "captured": 100, "cancelled": 100, "status": "CANCELLED"},
        {"paymentId": "000000000000700080000000000000f3", "amount": 100, "captured": 0, "cancelled": 0, "status": "FAILED"},
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orderly_books_pass_and_each_disorder_is_found() {
    let books = Books::with_ledger(ledger()).await;
    books.execute(ORDERLY).await;
    let (passed, report) = books.audit().await;
    assert!(passed, "{report:#}");
    assert_eq!(
        report["books"],
        json!({"captured": 300, "refunded": 100, "confirmed": 200, "portone": {"captured": 300, "cancelled": 100}})
    );

    for (disorder, rule, words, order) in DISORDERS {
        books.execute(disorder).await;
        let (passed, report) = books.audit().await;
        assert!(!passed, "{words} was not found");
        let found = report["findings"].as_array().unwrap().iter().any(|finding| {
            let text = format!(
                "{} {}",
                finding["subject"].as_str().unwrap(),
                finding["finding"].as_str().unwrap()
            );
            finding["rule"] == rule && text.contains(words)
        });
        assert!(found, "{rule}: {words} is not in {report:#}");
        books.execute(order).await;
    }
    let (passed, report) = books.audit().await;
    assert!(passed, "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_only_portone_knows_of_is_found() {
    let books = Books::with_ledger(json!([
        {"paymentId": "000000000000700080000000000000f1", "amount": 200, "captured": 200, "cancelled": 0, "status": "PAID"},
        {"paymentId": "imp_123", "amount": 100, "captured": 100, "cancelled": 0, "status": "PAID"},
    ]))
    .await;
    let (passed, report) = books.audit().await;
    assert!(!passed);
    let findings = report["findings"].to_string();
    assert!(
        findings.contains("is not captured by our books, but PortOne captured 200"),
        "{findings}"
    );
    assert!(findings.contains("PortOne's payment imp_123"), "{findings}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_away_by_itself_is_no_finding() {
    let books = Books::with_ledger(json!([])).await;
    books.execute(DISORDERS[10].0).await;
    let audit = async {
        let arguments = ["audit", "--settle-seconds", "10", "--portone-ledger-url", &books.ledger];
        ticketctl(&books.env, &arguments).await.ok()
    };
    let delivery = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        books.execute(DISORDERS[10].3).await;
    };
    let (said, ()) = tokio::join!(audit, delivery);
    assert!(said.contains("Every invariant holds."), "{said}");
}
