//! Paid bookings of which nothing is heard are driven on (design.md §8.4). Messages do not travel here: there are no topics.

use std::time::Duration;
use test_support::eventually;

use crate::{
    market::Market,
    world::{AMOUNT, SOON},
};

const SETTINGS: &[(&str, &str)] = &[("SAGA_STUCK_AFTER_SECONDS", "0.2")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn success_is_repeated_only_once_the_first_has_left() {
    let market = Market::with(SETTINGS).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let _paid = market.pay(payment, "PAY").await.expect(200);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(market.said(payment.given).await, ["PaymentSuccess"]);

    // It left, and nobody acted on it.
    let left = "
        update common.outbox_events set published = true, published_at = clock_timestamp() where aggregate_id = $1";
    market.run(left, payment.given.id).await;
    let repeated = || async { (market.said(payment.given).await.len() > 1).then_some(()) };
    eventually("PaymentSuccess is said again", SOON, repeated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_reservation_is_found_confirmed() {
    let market = Market::with(SETTINGS).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let _paid = market.pay(payment, "PAY").await.expect(200);
    let confirm = "
        update reservation_service.reservations
        set status = 'CONFIRMED', confirmed_at = clock_timestamp(), payment_lock_id = null, payment_locked_at = null,
            version = version + 1
        where id = $1";
    market.run(confirm, hold.reservation).await;
    let done = || async { (market.saga(payment.given).await == "CONFIRMED").then_some(()) };
    eventually("the saga is done", SOON, done).await;
    assert_eq!(market.shown(payment.given).await["reservationStatus"], "CONFIRMED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_for_a_cancelled_reservation_goes_back() {
    let market = Market::with(SETTINGS).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let _paid = market.pay(payment, "PAY").await.expect(200);
    let cancel = "
        update reservation_service.reservations
        set status = 'CANCELLED', cancelled_at = clock_timestamp(), cancel_reason = 'EVENT_CANCELLED',
            payment_lock_id = null, payment_locked_at = null, version = version + 1
        where id = $1";
    market.run(cancel, hold.reservation).await;
    market.until(payment.given, "REFUNDED").await;
    assert_eq!(market.portone.books(payment.given.id).await, (AMOUNT, AMOUNT));
}

/// The reservation service was restored from a backup. It sends the money back when it hears of the payment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn success_is_repeated_where_the_reservation_is_gone() {
    let market = Market::with(SETTINGS).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let _paid = market.pay(payment, "PAY").await.expect(200);
    for statement in [
        "delete from reservation_service.seat_assignments where reservation_id = $1",
        "delete from reservation_service.reservation_seats where reservation_id = $1",
        "delete from reservation_service.reservations where id = $1",
    ] {
        market.run(statement, hold.reservation).await;
    }
    let left = "
        update common.outbox_events set published = true, published_at = clock_timestamp() where aggregate_id = $1";
    market.run(left, payment.given.id).await;
    let repeated = || async { (market.said(payment.given).await.len() > 1).then_some(()) };
    eventually("PaymentSuccess is said again", SOON, repeated).await;
    assert_eq!(market.said(payment.given).await[1], "PaymentSuccess");
}
