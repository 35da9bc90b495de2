//! A reservation gets other seats while a payment for the old ones is open (design.md §8.2).

use common::internal_auth::Service;
use serde_json::json;
use test_support::{Api, Reply};
use uuid::Uuid;

use crate::{
    market::Market,
    world::{Given, World},
};

async fn changed(world: &World, payment: Given, version: i64) {
    let path = format!("/internal/payments/reservations/{}/changed", payment.reservation);
    let body = json!({"reservationVersion": version});
    let _told = world.as_reservation().post(&path, &body).await.expect(204);
}

fn uncharged(reply: Reply) {
    let problem = reply.expect_problem(409, "PAYMENT_NOT_PENDING");
    assert_eq!(
        (&problem["charged"], &problem["failureReason"]),
        (&json!(false), &json!("RESERVATION_CHANGED"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_open_payment_for_the_old_seats_ends_without_a_message() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    // The second is the same call again, its reply having been lost.
    for _ in 0..2 {
        changed(&world, payment, 2).await;
        assert_eq!(
            world.status(payment).await,
            ("FAILED".to_owned(), Some("RESERVATION_CHANGED".to_owned()))
        );
    }
    assert_eq!(world.saga(payment).await, "FAILED");
    assert_eq!(world.shown(payment).await["reservationStatus"], "PENDING");
    let body = json!({"paymentKey": payment.key, "paymentToken": "whatever"});
    uncharged(world.as_user(payment.user).post("/payments/confirm", &body).await);
    assert!(world.said(payment).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_for_the_new_seats_or_being_confirmed_or_paid_stays() {
    let world = World::start().await;
    let (newer, confirming, paid) = (
        world.unconfirmed().await,
        world.confirming(1.0).await,
        world.paid().await,
    );
    changed(&world, newer, 1).await;
    changed(&world, confirming, 9).await;
    changed(&world, paid, 9).await;
    // Nobody began to pay for this one.
    let unknown = Given {
        reservation: Uuid::now_v7(),
        ..newer
    };
    changed(&world, unknown, 2).await;
    assert_eq!(world.status(newer).await.0, "PENDING");
    assert_eq!(world.status(confirming).await.0, "PENDING");
    assert_eq!(world.status(paid).await.0, "SUCCESS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_reservation_service_may_say_so() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    let path = format!("/internal/payments/reservations/{}/changed", payment.reservation);
    let body = json!({"reservationVersion": 2});
    for caller in [Service::Gateway, Service::Queue] {
        Api::as_service(&world.service.url(), caller)
            .post(&path, &body)
            .await
            .expect_problem(403, "FORBIDDEN");
    }
    assert_eq!(world.status(payment).await.0, "PENDING");
}

/// The call that tells of the swap is lost. That the lock finds other seats for the same money has its test in `paying`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untold_swap_to_another_amount_is_found_by_the_lock_and_nothing_is_charged() {
    let market = Market::open().await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let dearer = "
        update reservation_service.reservations set total_amount = total_amount + 1, version = version + 1 where id = $1";
    market.run(dearer, hold.reservation).await;

    let problem = market.pay(payment, "PAY").await.expect_problem(409, "AMOUNT_MISMATCH");
    assert_eq!(problem["charged"], false);
    assert_eq!(market.status(payment.given).await.0, "FAILED");
    assert_eq!(market.portone.books(payment.given.id).await, (0, 0));
    assert!(market.said(payment.given).await.is_empty());
    let again = market
        .confirm(payment, "whatever")
        .await
        .expect_problem(409, "PAYMENT_NOT_PENDING");
    assert_eq!(again["charged"], false);
    // A payment of the new amount goes through.
    let _paid = market.pay(market.begin(&hold).await, "PAY").await.expect(200);
}
