//! Unknown outcomes are found out (design.md §8.3).

use serde_json::json;
use std::time::Duration;
use test_support::{Api, eventually};

use crate::{
    webhooks::{about, deliver},
    world::{AMOUNT, SOON, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_whose_confirmer_died_becomes_success_with_one_message() {
    let world = World::start().await;
    let (_second, _third) = (world.replica().await, world.replica().await);
    let payment = world.confirming(70.0).await;
    world.portone.charged(payment.id, AMOUNT).await;
    world.due(payment).await;

    world.until(payment, "SUCCESS").await;
    assert_eq!(world.saga(payment).await, "PAID");
    let messages = world.messages(payment).await;
    let [(kind, payload)] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    assert_eq!(kind, "PaymentSuccess");
    assert_eq!(payload["reservationId"], json!(payment.reservation));
    assert_eq!(payload["amount"], json!(AMOUNT));
    assert_eq!(payload["grantId"], "grant");
    assert_eq!(payload["seatIds"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_failed_only_after_three_minutes_and_read_again_later() {
    let world = World::start().await;
    // The early one is asked again in 15 s, and is still early then.
    let (early, late, unknown) = (
        world.confirming(100.0).await,
        world.confirming(185.0).await,
        world.confirming(185.0).await,
    );
    for payment in [early, late] {
        world.portone.authorised(payment.id, AMOUNT, "PAY").await;
    }
    for payment in [early, late, unknown] {
        world.due(payment).await;
    }

    for payment in [late, unknown] {
        assert_eq!(world.until(payment, "FAILED").await.as_deref(), Some("NOT_CHARGED"));
        let messages = world.messages(payment).await;
        assert_eq!((messages.len(), messages[0].0.as_str()), (1, "PaymentFailed"));
        assert_eq!(messages[0].1["holdsLock"], true);
    }
    assert_eq!(world.status(early).await.0, "PENDING");
    let due_again = "
        select count(*) from payment_service.payments
        where status = 'FAILED' and next_check_at = confirm_started_at + interval '10 min'";
    assert_eq!(world.count(due_again).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_that_nobody_heard_of_is_found() {
    let world = World::start().await;
    let payment = world.confirming(61.0).await;
    world.portone.declined(payment.id, AMOUNT).await;
    world.due(payment).await;
    assert_eq!(world.until(payment, "FAILED").await.as_deref(), Some("DECLINED"));
    assert_eq!(world.said(payment).await, ["PaymentFailed"]);
    assert_eq!(world.saga(payment).await, "FAILED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_after_failure_is_refunded() {
    let world = World::start().await;
    let payment = world.confirming(200.0).await;
    world.due(payment).await;
    world.until(payment, "FAILED").await;

    // PortOne was slower than anybody thought.
    world.portone.charged(payment.id, AMOUNT).await;
    world.due(payment).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
    let messages = world.messages(payment).await;
    assert_eq!(world.said(payment).await, ["PaymentFailed", "PaymentRefunded"]);
    assert_eq!(messages[1].1["reason"], "LATE_CAPTURE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_of_another_amount_is_refunded() {
    let world = World::start().await;
    let payment = world.confirming(70.0).await;
    world.portone.charged(payment.id, AMOUNT - 1).await;
    world.due(payment).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT - 1, AMOUNT - 1));
    assert_eq!(world.status(payment).await.1.as_deref(), Some("FACTS_MISMATCH"));
    assert_eq!(world.said(payment).await, ["PaymentFailed", "PaymentRefunded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_portone_does_not_answer_nothing_is_decided() {
    let world = World::start().await;
    let payment = world.confirming(1000.0).await;
    world.portone.charged(payment.id, AMOUNT).await;
    world.portone.faults(json!({"get": {"errorRate": 1.0}})).await;
    world.due(payment).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.status(payment).await.0, "PENDING");

    world.portone.heal().await;
    world.due(payment).await;
    world.until(payment, "SUCCESS").await;
    assert_eq!(world.said(payment).await, ["PaymentSuccess"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_never_confirmed_ends_with_its_hold_and_says_nothing() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    let statement = "update payment_service.payments set expires_at = clock_timestamp() where id = $1";
    world.run(statement, payment.id).await;
    assert_eq!(world.until(payment, "FAILED").await.as_deref(), Some("HOLD_EXPIRED"));
    assert!(world.said(payment).await.is_empty());
}

/// In one test, because alarms are counted for the whole process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_answer_given_after_the_capture_was_known_is_taken_for_its_denial() {
    const CAPTURED: &str = "
        update payment_service.payments
        set status = 'SUCCESS', captured = true, paid_at = clock_timestamp(), portone_transaction_id = 't',
            next_check_at = null
        where id = $1";
    let world = World::start().await;
    let (payment, denied) = (world.confirming(70.0).await, world.confirming(70.0).await);

    // PortOne is asked before the capture and judged after it.
    let mut confirm = world.db.begin().await.unwrap();
    sqlx::query("select from payment_service.payment_sagas where reservation_id = $1 for update")
        .bind(payment.reservation)
        .execute(&mut *confirm)
        .await
        .unwrap();
    let _stored = deliver(&world, "wh-1", &about(payment, "Transaction.Failed"))
        .await
        .expect(200);
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("the answer waits to be judged", SOON, || async {
        (world.count(waiting).await == 1).then_some(())
    })
    .await;
    world.portone.charged(payment.id, AMOUNT).await;
    sqlx::query(CAPTURED)
        .bind(payment.id)
        .execute(&mut *confirm)
        .await
        .unwrap();
    confirm.commit().await.unwrap();
    let judged = "
        select count(*) from payment_service.webhook_deliveries, payment_service.payments
        where outcome is not null and status = 'SUCCESS' and next_check_at is null";
    eventually("the answer is judged, and the next one", SOON, || async {
        (world.count(judged).await == 1).then_some(())
    })
    .await;
    assert!(!is_denial_alarmed(&world).await);

    world.run(CAPTURED, denied.id).await;
    let _stored = deliver(&world, "wh-2", &about(denied, "Transaction.Failed"))
        .await
        .expect(200);
    eventually("people are told", SOON, || async {
        is_denial_alarmed(&world).await.then_some(())
    })
    .await;
}

async fn is_denial_alarmed(world: &World) -> bool {
    let metrics = Api::new(&world.service.url()).get("/metrics").await;
    metrics.body.to_string().contains("capture_denied")
}
