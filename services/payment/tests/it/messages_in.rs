//! What the reservation service says (design.md §8.4), over real Kafka.

use chrono::{DateTime, Utc};
use messages::{
    CancelReason, ConfirmationFailure, ReservationCancelled, ReservationConfirmationFailed, ReservationConfirmed,
};
use serde_json::json;
use std::time::Duration;
use test_support::eventually;
use uuid::Uuid;

use crate::world::{AMOUNT, Given, SOON, World};

const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn cancelled(payment: Given, reason: CancelReason, version: i64) -> ReservationCancelled {
    ReservationCancelled {
        reservation_id: payment.reservation,
        user_id: payment.user,
        concert_id: Uuid::now_v7(),
        seat_ids: vec![Uuid::now_v7()],
        amount: AMOUNT,
        reason,
        was_confirmed: false,
        payment_id: Some(payment.id),
        cancelled_at: AT,
        reservation_version: version,
        grant_id: None,
    }
}

fn confirmed(payment: Given, version: i64) -> ReservationConfirmed {
    ReservationConfirmed {
        reservation_id: payment.reservation,
        user_id: payment.user,
        concert_id: Uuid::now_v7(),
        seat_ids: vec![Uuid::now_v7()],
        amount: AMOUNT,
        payment_id: payment.id,
        confirmed_at: AT,
        reservation_version: version,
        grant_id: None,
    }
}

fn confirmation_failed(payment: Given, version: i64) -> ReservationConfirmationFailed {
    ReservationConfirmationFailed {
        reservation_id: payment.reservation,
        user_id: payment.user,
        concert_id: Uuid::now_v7(),
        seat_ids: vec![Uuid::now_v7()],
        amount: AMOUNT,
        payment_id: payment.id,
        reason: ConfirmationFailure::SeatsLost,
        failed_at: AT,
        reservation_version: version,
        grant_id: None,
    }
}

async fn until_step(world: &World, payment: Given, step: &str) {
    let reached = || async { (world.saga(payment).await == step).then_some(()) };
    eventually(&format!("the saga is {step}"), SOON, reached).await;
}

/// All in one world and at once: topics are dear, and the messages of many reservations travel together in truth as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_reservation_service_says_is_acted_on() {
    let world = World::with_topics().await;
    tokio::join!(
        a_confirmed_reservation_ends_the_saga_and_shows(&world),
        a_cancelled_paid_reservation_is_refunded_once_however_often_it_is_said(&world),
        a_payment_whose_reservation_could_not_be_confirmed_is_refunded(&world),
        a_payment_for_a_cancelled_event_is_refunded_in_the_line_of_such(&world),
        a_compensated_reservation_is_not_refunded_again(&world),
        a_released_hold_ends_its_unconfirmed_payment_without_a_message(&world),
        a_success_found_after_the_reservation_was_cancelled_is_refunded(&world),
        old_news_of_a_reservation_change_nothing(&world),
    );
}

async fn a_confirmed_reservation_ends_the_saga_and_shows(world: &World) {
    let payment = world.paid().await;
    world.reservation_says(&confirmed(payment, 3)).await;
    until_step(world, payment, "CONFIRMED").await;
    let shown = world.shown(payment).await;
    assert_eq!(shown["reservationStatus"], "CONFIRMED");
}

async fn a_cancelled_paid_reservation_is_refunded_once_however_often_it_is_said(world: &World) {
    let payment = world.paid().await;
    world.reservation_says(&confirmed(payment, 3)).await;
    world
        .reservation_says(&cancelled(payment, CancelReason::UserRequest, 4))
        .await;
    world
        .reservation_says(&cancelled(payment, CancelReason::UserRequest, 4))
        .await;
    world.reservation_says(&confirmation_failed(payment, 4)).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
    assert_eq!(world.said(payment).await, ["PaymentSuccess", "PaymentRefunded"]);
    until_step(world, payment, "REFUNDED").await;
}

async fn a_payment_whose_reservation_could_not_be_confirmed_is_refunded(world: &World) {
    let payment = world.paid().await;
    world.reservation_says(&confirmation_failed(payment, 3)).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.messages(payment).await[1].1["reason"], "CONFIRMATION_FAILED");
}

async fn a_payment_for_a_cancelled_event_is_refunded_in_the_line_of_such(world: &World) {
    let payment = world.paid().await;
    world
        .reservation_says(&cancelled(payment, CancelReason::EventCancelled, 3))
        .await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.messages(payment).await[1].1["reason"], "EVENT_CANCELLED");
}

async fn a_compensated_reservation_is_not_refunded_again(world: &World) {
    let (compensated, marker) = (world.paid().await, world.paid().await);
    world
        .reservation_says(&cancelled(compensated, CancelReason::Compensated, 4))
        .await;
    // Same topic, perhaps another partition: when it is handled, time enough has passed for the first as well.
    world.reservation_says(&confirmed(marker, 3)).await;
    until_step(world, marker, "CONFIRMED").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let shown = world.shown(compensated).await;
    assert_eq!((&shown["status"], shown.get("refund")), (&json!("SUCCESS"), None));
}

async fn a_released_hold_ends_its_unconfirmed_payment_without_a_message(world: &World) {
    let payment = world.unconfirmed().await;
    world
        .reservation_says(&cancelled(payment, CancelReason::HoldReleased, 2))
        .await;
    assert_eq!(
        world.until(payment, "FAILED").await.as_deref(),
        Some("RESERVATION_CANCELLED")
    );
    assert!(world.said(payment).await.is_empty());
}

async fn a_success_found_after_the_reservation_was_cancelled_is_refunded(world: &World) {
    let payment = world.confirming(70.0).await;
    world
        .reservation_says(&cancelled(payment, CancelReason::EventCancelled, 2))
        .await;
    let noted = || async { (world.shown(payment).await["reservationStatus"] == "CANCELLED").then_some(()) };
    eventually("the cancellation is noted", SOON, noted).await;
    assert_eq!(world.status(payment).await.0, "PENDING", "its outcome is not known");

    world.portone.charged(payment.id, AMOUNT).await;
    world.due(payment).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
}

async fn old_news_of_a_reservation_change_nothing(world: &World) {
    let payment = world.paid().await;
    world
        .reservation_says(&cancelled(payment, CancelReason::UserRequest, 5))
        .await;
    world.reservation_says(&confirmed(payment, 4)).await;
    world.until(payment, "REFUNDED").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let shown = world.shown(payment).await;
    assert_eq!(shown["reservationStatus"], "CANCELLED");
    assert_eq!(shown["refund"]["status"], "SUCCEEDED");
}
