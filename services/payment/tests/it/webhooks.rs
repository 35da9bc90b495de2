//! PortOne's webhooks (design.md §3.5, external-apis.md §B.12).

use chrono::TimeDelta;
use common::Clock;
use http::Method;
use payment_service::{Config, build};
use serde_json::{Value, json};
use simulators::{SigningKey, webhook_signature};
use test_support::{Api, Login, Reply, Running, TestEnv, eventually};
use uuid::Uuid;

use crate::world::{AMOUNT, Given, SOON, World};

const PATH: &str = "/payments/webhook/portone";
const STORE: &str = "store-00000000-0000-4000-8000-000000000001";
const SECRET: &str = "whsec_bG9jYWwtb25seS1wb3J0b25lLXdlYmhvb2stc2VjcmV0LTMy";

async fn post(url: &str, id: &str, timestamp: i64, signature: &str, body: &str) -> Reply {
    Api::as_gateway(url)
        .with_header("webhook-id", id)
        .with_header("webhook-timestamp", &timestamp.to_string())
        .with_header("webhook-signature", signature)
        .send(Method::POST, PATH, Some(("application/json", body.as_bytes().to_vec())))
        .await
}

pub(crate) async fn deliver(world: &World, id: &str, body: &Value) -> Reply {
    let (now, body) = (Clock::system().now().timestamp(), body.to_string());
    let signature = webhook_signature(&[SigningKey::parse(SECRET).unwrap()], id, now, body.as_bytes());
    post(&world.service.url(), id, now, &signature, &body).await
}

pub(crate) fn about(payment: Given, kind: &str) -> Value {
    json!({
        "type": kind,
        "timestamp": "2026-01-02T03:04:05.000Z",
        "data": {"storeId": STORE, "paymentId": payment.id.simple().to_string(), "transactionId": "t", "novelty": 1},
        "novelty": {},
    })
}

async fn until_done(world: &World, deliveries: i64) {
    let done = "select count(*) from payment_service.webhook_deliveries where outcome is not null";
    eventually("webhooks are done", SOON, || async {
        (world.count(done).await == deliveries).then_some(())
    })
    .await;
}

/// The vectors of external-apis.md §B.12, in the past.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_signatures_hold_at_their_time_for_either_secret() {
    let own = "whsec_dGlja2V0aW5nLWRldi13ZWJob29rLXNlY3JldC0zMmI=";
    let published = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let body = r#"{"type":"Transaction.Paid","timestamp":"2026-01-02T03:04:05.000Z","data":{"storeId":"store-00000000-0000-4000-8000-000000000001","paymentId":"pay0001","transactionId":"00000000-0000-4000-8000-000000000002"}}"#;
    let (id, timestamp) = ("wh_test_0001", 1_767_323_045);
    let signature = "v1,jNICGjXktNreYlzJkNcmILo0/faU5/Ng7rOOMjRE0ZE=";

    for (present, previous) in [(own, published), (published, own)] {
        let env = TestEnv::new()
            .await
            .with("PORTONE_WEBHOOK_SECRET", present)
            .with("PORTONE_WEBHOOK_SECRET_PREVIOUS", previous);
        let clock = Clock::adjustable();
        let now = clock.now();
        clock.advance(TimeDelta::seconds(timestamp - now.timestamp()));
        let config = Config::from_env(&env.env(Some(Login::Payment)))
            .unwrap()
            .with_webhook_clock(clock.clone());
        let service = Running::start(build(config).await.unwrap());
        let url = service.url();

        let stored = post(&url, id, timestamp, signature, body).await;
        assert_eq!(stored.expect(200), json!({}));
        let changed = body.replace("pay0001", "pay0002");
        post(&url, id, timestamp, signature, &changed)
            .await
            .expect_problem(401, "SIGNATURE_INVALID");
        clock.advance(TimeDelta::seconds(310));
        post(&url, id, timestamp, signature, body)
            .await
            .expect_problem(401, "SIGNATURE_INVALID");
        clock.advance(TimeDelta::seconds(-620));
        post(&url, id, timestamp, signature, body)
            .await
            .expect_problem(401, "SIGNATURE_INVALID");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_makes_us_ask_and_what_portone_says_counts() {
    let world = World::start().await;
    let payment = world.confirming(1.0).await;
    // It says "paid", PortOne says "ready": nothing happens.
    world.portone.authorised(payment.id, AMOUNT, "PAY").await;
    let _stored = deliver(&world, "wh-1", &about(payment, "Transaction.Paid"))
        .await
        .expect(200);
    until_done(&world, 1).await;
    assert_eq!(world.status(payment).await.0, "PENDING");

    world.portone.charged(payment.id, AMOUNT).await;
    let _stored = deliver(&world, "wh-2", &about(payment, "Transaction.SomethingNew"))
        .await
        .expect(200);
    world.until(payment, "SUCCESS").await;
    assert_eq!(world.said(payment).await, ["PaymentSuccess"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_webhook_is_stored_once() {
    let world = World::start().await;
    let payment = world.confirming(1.0).await;
    world.portone.charged(payment.id, AMOUNT).await;
    for _ in 0..3 {
        let _stored = deliver(&world, "wh-1", &about(payment, "Transaction.Paid"))
            .await
            .expect(200);
    }
    world.until(payment, "SUCCESS").await;
    until_done(&world, 1).await;
    assert_eq!(
        world
            .count("select count(*) from payment_service.webhook_deliveries")
            .await,
        1
    );
    assert_eq!(world.said(payment).await, ["PaymentSuccess"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_ours_or_not_known_is_taken_and_ignored() {
    let world = World::start().await;
    let nobody = Given {
        id: Uuid::now_v7(),
        reservation: Uuid::nil(),
        user: Uuid::nil(),
        key: Uuid::nil(),
    };
    let _stored = deliver(&world, "wh-1", &about(nobody, "Transaction.Paid"))
        .await
        .expect(200);
    let _stored = deliver(
        &world,
        "wh-2",
        &json!({"type": "BillingKey.Issued", "data": {"billingKey": "b"}}),
    )
    .await
    .expect(200);
    let _stored = deliver(&world, "wh-3", &json!({"type": "Something\u{0}.Odd"}))
        .await
        .expect(200);
    let odd = json!({"type": "Transaction.Paid", "data": {"paymentId": "\u{0}"}});
    let _stored = deliver(&world, "wh-4", &odd).await.expect(200);
    until_done(&world, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_stores_webhook_makes_us_ask_nothing() {
    let world = World::start().await;
    let payment = world.confirming(1.0).await;
    world.portone.charged(payment.id, AMOUNT).await;
    let mut foreign = about(payment, "Transaction.Paid");
    foreign["data"]["storeId"] = json!("store-of-somebody-else");
    let _stored = deliver(&world, "wh-1", &foreign).await.expect(200);
    until_done(&world, 1).await;
    assert_eq!(world.status(payment).await.0, "PENDING");
    let ignored = "select count(*) from payment_service.webhook_deliveries where outcome = 'FOREIGN_STORE'";
    assert_eq!(world.count(ignored).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_are_not_what_they_were_are_no_reason_to_refuse() {
    let world = World::start().await;
    let payment = world.confirming(1.0).await;
    world.portone.charged(payment.id, AMOUNT).await;
    for (id, odd) in [
        (
            "wh-1",
            json!({"type": "Transaction.Paid", "timestamp": "yesterday", "data": "nothing"}),
        ),
        (
            "wh-2",
            json!({"type": "Transaction.Paid", "timestamp": 5, "data": {"paymentId": 5, "storeId": {}}}),
        ),
    ] {
        let _stored = deliver(&world, id, &odd).await.expect(200);
    }
    until_done(&world, 2).await;
    assert_eq!(world.status(payment).await.0, "PENDING");

    let mut readable = about(payment, "Transaction.Paid");
    readable["timestamp"] = json!("yesterday");
    let _stored = deliver(&world, "wh-3", &readable).await.expect(200);
    world.until(payment, "SUCCESS").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_without_a_good_signature_is_refused() {
    let world = World::start().await;
    let gateway = Api::as_gateway(&world.service.url());
    gateway
        .post(PATH, &json!({"type": "Transaction.Paid"}))
        .await
        .expect_problem(401, "SIGNATURE_INVALID");
    let now = Clock::system().now().timestamp();
    post(&world.service.url(), "wh", now, "v1,AAAA", "{}")
        .await
        .expect_problem(401, "SIGNATURE_INVALID");
    let _huge = gateway
        .send(Method::POST, PATH, Some(("application/json", vec![b'x'; 65 * 1024])))
        .await
        .expect_problem(413, "PAYLOAD_TOO_LARGE");
    deliver(&world, "wh", &json!([]))
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(
        world
            .count("select count(*) from payment_service.webhook_deliveries")
            .await,
        0
    );
    // It comes through the gateway like everything else.
    Api::new(&world.service.url())
        .post(PATH, &json!({}))
        .await
        .expect_problem(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_by_hand_cancels_the_reservation() {
    let world = World::start().await;
    let payment = world.paid().await;
    world.portone.cancel_by_hand(payment.id, None).await;
    for id in ["wh-1", "wh-2"] {
        let _stored = deliver(&world, id, &about(payment, "Transaction.Cancelled"))
            .await
            .expect(200);
    }
    world.until(payment, "REFUNDED").await;
    until_done(&world, 2).await;
    assert_eq!(
        world.said(payment).await,
        ["PaymentSuccess", "CompensateReservation", "PaymentRefunded"]
    );
    assert_eq!(world.saga(payment).await, "COMPENSATED");
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_refunded_by_hand_changes_nothing() {
    let world = World::start().await;
    let payment = world.paid().await;
    world.portone.cancel_by_hand(payment.id, Some(1)).await;
    let _stored = deliver(&world, "wh-1", &about(payment, "Transaction.PartialCancelled"))
        .await
        .expect(200);
    until_done(&world, 1).await;
    assert_eq!(world.status(payment).await.0, "SUCCESS");
    assert_eq!(world.said(payment).await, ["PaymentSuccess"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_that_nobody_confirmed_is_refunded() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    world.portone.charged(payment.id, AMOUNT).await;
    let _stored = deliver(&world, "wh-1", &about(payment, "Transaction.Paid"))
        .await
        .expect(200);
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
    assert_eq!(world.said(payment).await, ["PaymentRefunded"]);
}
