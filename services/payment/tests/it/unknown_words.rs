//! PortOne adds fields and values without notice (external-apis.md §B.1). Fields change nothing; a value that we do not know
//! decides nothing and is shown to people.

use serde_json::json;
use test_support::{Api, eventually};

use crate::{
    market::Market,
    refunding::request_refund,
    world::{AMOUNT, SOON, World},
};

async fn is_alarmed(world: &World) -> bool {
    let metrics = Api::new(&world.service.url()).get("/metrics").await;
    metrics.body.to_string().contains("unknown_word")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_status_decides_nothing() {
    let world = World::start().await;
    let (open, done) = (world.confirming(1000.0).await, world.paid().await);
    world.portone.charged(open.id, AMOUNT).await;
    world.portone.faults(json!({"get": {"unknownEnumRate": 1.0}})).await;
    for payment in [open, done] {
        world.due(payment).await;
    }
    let asked = "select count(*) from payment_service.payments
        where status = 'PENDING' and next_check_at > clock_timestamp() + interval '10 s'
            or status = 'SUCCESS' and next_check_at is null";
    eventually("PortOne was asked", SOON, || async {
        (world.count(asked).await == 2).then_some(())
    })
    .await;
    assert_eq!(world.status(open).await.0, "PENDING");
    assert_eq!(world.status(done).await.0, "SUCCESS");
    eventually("people are told", SOON, || async {
        is_alarmed(&world).await.then_some(())
    })
    .await;

    world.portone.heal().await;
    world.due(open).await;
    world.until(open, "SUCCESS").await;
    assert_eq!(world.said(open).await, ["PaymentSuccess"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_given_back_beside_a_cancellation_of_which_nobody_knows_how_far_it_is() {
    let world = World::start().await;
    let payment = world.paid().await;
    world.portone.cancel_by_hand(payment.id, Some(1)).await;
    world
        .portone
        .faults(json!({"get": {"unknownCancellationStatusRate": 1.0}}))
        .await;
    request_refund(&world, payment).await;
    let looked = "select count(*) from payment_service.refunds where attempts >= 3 and status = 'PROCESSING'";
    eventually("three looks", SOON, || async {
        (world.count(looked).await == 1).then_some(())
    })
    .await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, 1));

    world.portone.heal().await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_that_is_answered_with_an_unknown_word_is_found_by_reading() {
    let world = World::start().await;
    let payment = world.paid().await;
    world
        .portone
        .faults(json!({"cancel": {"unknownCancellationStatusRate": 1.0}}))
        .await;
    request_refund(&world, payment).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.cancellations(payment.id).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_fields_everywhere_change_nothing() {
    let market = Market::open().await;
    let more = json!({"extraFields": true});
    let everywhere = json!({"preRegister": more, "get": more, "confirm": more, "cancel": more});
    market.portone.faults(everywhere).await;
    let (hold, declined) = (market.hold(60.0).await, market.hold(60.0).await);
    let payment = market.begin(&hold).await;
    let _paid = market.pay(payment, "PAY").await.expect(200);
    request_refund(&market, payment.given).await;
    market.until(payment.given, "REFUNDED").await;

    let payment = market.begin(&declined).await;
    let problem = market.pay(payment, "PAY_DECLINED_ON_CONFIRM").await;
    problem.expect_problem(402, "PAYMENT_DECLINED");
}
