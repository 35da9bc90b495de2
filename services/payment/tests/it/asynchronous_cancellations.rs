//! PortOne may take a cancellation and do it later, or not at all: a reply is no refund (external-apis.md §B.6).

use serde_json::json;
use test_support::{TestEnv, eventually};

use crate::{
    refunding::{refund_status, request_refund},
    webhooks::{about, deliver},
    world::{AMOUNT, Given, SOON, World},
};

/// Cancellations that stay REQUESTED until somebody settles them.
async fn cancellations_wait(world: &World) {
    let waits = json!({"requestedRate": 1.0, "requestedForMs": 3_600_000});
    world.portone.faults(json!({"cancel": waits})).await;
}

async fn until_asked(world: &World, payment: Given) {
    eventually("PortOne has taken the cancellation", SOON, || async {
        (world.portone.cancellations(payment.id).await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requested_cancellation_is_no_refund_until_portone_shows_it_and_is_asked_for_once() {
    let world = World::start().await;
    let payment = world.paid().await;
    cancellations_wait(&world).await;
    request_refund(&world, payment).await;
    let looked = "select count(*) from payment_service.refunds where attempts >= 3";
    eventually("three looks", SOON, || async {
        (world.count(looked).await == 1).then_some(())
    })
    .await;
    assert_eq!(refund_status(&world, payment).await, "PROCESSING");
    assert_eq!(world.status(payment).await.0, "SUCCESS");
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, 0));
    assert_eq!(world.portone.cancellations(payment.id).await, 1);

    // Its webhook gets lost: reading is enough.
    world.portone.settle(payment.id, "SUCCEEDED").await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
    assert_eq!(world.portone.cancellations(payment.id).await, 1);
    assert_eq!(world.said(payment).await, ["PaymentSuccess", "PaymentRefunded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_webhook_ends_the_wait() {
    let world = World::with(TestEnv::new().await, &[("REFUND_BACKOFF_SECONDS", "600")]).await;
    let payment = world.paid().await;
    cancellations_wait(&world).await;
    request_refund(&world, payment).await;
    until_asked(&world, payment).await;

    let pending = about(payment, "Transaction.CancelPending");
    let _stored = deliver(&world, "wh-1", &pending).await.expect(200);
    world.portone.settle(payment.id, "SUCCEEDED").await;
    let cancelled = about(payment, "Transaction.Cancelled");
    let _stored = deliver(&world, "wh-2", &cancelled).await.expect(200);
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.said(payment).await, ["PaymentSuccess", "PaymentRefunded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_is_asked_for_again() {
    let world = World::start().await;
    let payment = world.paid().await;
    let fails = json!({"requestedRate": 1.0, "requestedForMs": 20, "requestedFailRate": 1.0});
    world.portone.faults(json!({"cancel": fails})).await;
    request_refund(&world, payment).await;
    eventually("PortOne has failed twice", SOON, || async {
        (world.portone.cancellations(payment.id).await >= 2).then_some(())
    })
    .await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, 0));

    world.portone.heal().await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
    assert_eq!(world.said(payment).await, ["PaymentSuccess", "PaymentRefunded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_outlasts_the_deadline_is_shown_to_the_operator_and_ends_by_itself_all_the_same() {
    let world = World::start().await;
    let payment = world.paid().await;
    cancellations_wait(&world).await;
    request_refund(&world, payment).await;
    until_asked(&world, payment).await;
    let over = "update payment_service.refunds set deadline_at = clock_timestamp() where payment_id = $1";
    world.run(over, payment.id).await;
    let failed = || async { (refund_status(&world, payment).await == "FAILED").then_some(()) };
    eventually("the refund is given up", SOON, failed).await;

    world.portone.settle(payment.id, "SUCCEEDED").await;
    let cancelled = about(payment, "Transaction.Cancelled");
    let _stored = deliver(&world, "wh-1", &cancelled).await.expect(200);
    world.until(payment, "REFUNDED").await;
    assert_eq!(refund_status(&world, payment).await, "SUCCEEDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_by_hand_that_takes_its_time_is_watched_to_its_end() {
    let world = World::with(TestEnv::new().await, &[("RECONCILE_CANCELLATION_SECONDS", "0.2")]).await;
    let (given_back, kept) = (world.paid().await, world.paid().await);
    for (id, payment) in [("wh-1", given_back), ("wh-2", kept)] {
        world.portone.cancel_by_hand_slowly(payment.id, 3_600_000).await;
        let pending = about(payment, "Transaction.CancelPending");
        let _stored = deliver(&world, id, &pending).await.expect(200);
    }
    let watched =
        "select count(*) from payment_service.payments where status = 'SUCCESS' and next_check_at is not null";
    eventually("both are watched", SOON, || async {
        (world.count(watched).await == 2).then_some(())
    })
    .await;

    // Neither end is announced.
    world.portone.settle(given_back.id, "SUCCEEDED").await;
    world.portone.settle(kept.id, "FAILED").await;
    world.until(given_back, "REFUNDED").await;
    let expected = ["PaymentSuccess", "CompensateReservation", "PaymentRefunded"];
    assert_eq!(world.said(given_back).await, expected);
    eventually("nobody watches any more", SOON, || async {
        (world.count(watched).await == 0).then_some(())
    })
    .await;
    assert_eq!(world.status(kept).await.0, "SUCCESS");
    assert_eq!(world.said(kept).await, ["PaymentSuccess"]);
}
