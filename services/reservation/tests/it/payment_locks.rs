use crate::helpers::{App, SOON};
use common::internal_auth::Service;
use redis::AsyncCommands;
use serde_json::{Value, json};
use std::time::Duration;
use test_support::{TestEnv, eventually};
use uuid::Uuid;

#[tokio::test]
async fn the_lock_is_answered_the_same_each_time_and_refuses_by_reason() {
    let app = App::start_in(TestEnv::new().await.with("PAYMENT_LOCK_REDIS_SECONDS", 900)).await;
    let buyer = app.buyer();
    let (id, payment) = (buyer.hold(&[1, 2]).await, Uuid::now_v7());
    app.lock(&buyer, id, payment, 1)
        .await
        .expect_problem(409, "AMOUNT_MISMATCH");
    app.lock(&app.buyer(), id, payment, 300_000)
        .await
        .expect_problem(404, "NOT_FOUND");

    let first = app.lock(&buyer, id, payment, 300_000).await.expect(200);
    assert_eq!(
        first,
        json!({
            "reservationId": id,
            "paymentId": payment,
            "amount": 300_000,
            "seatIds": [Uuid::from_u128(1), Uuid::from_u128(2)],
            "version": 2,
            "grantId": format!("grant-of-{}", buyer.id),
        })
    );
    assert_eq!(app.lock(&buyer, id, payment, 300_000).await.expect(200), first);
    app.lock(&buyer, id, Uuid::now_v7(), 300_000)
        .await
        .expect_problem(409, "PAYMENT_IN_PROGRESS");

    let key = format!("seat:hold:{{{}}}:{}", app.event_id, Uuid::from_u128(1));
    let ttl: i64 = app.redis().await.ttl(&key).await.unwrap();
    assert!(ttl > 300, "the hold in Redis is prolonged: {ttl}");
    let unlock = format!("/internal/reservations/{id}/payment-unlock");
    let payments = app.as_service(Service::Payment);
    for unlocked in [Uuid::now_v7(), payment, payment] {
        let _ = payments
            .post(&unlock, &json!({"paymentId": unlocked}))
            .await
            .expect(204);
    }
    let ttl: i64 = app.redis().await.ttl(&key).await.unwrap();
    assert!((200..=300).contains(&ttl), "the hold in Redis ends as before: {ttl}");

    let _ = buyer.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);
    app.lock(&buyer, id, payment, 300_000)
        .await
        .expect_problem(409, "RESERVATION_NOT_PENDING");
}

#[tokio::test]
async fn an_expired_hold_cannot_be_locked() {
    let app = App::start_in(TestEnv::new().await.with("SWEEP_INTERVAL_SECONDS", 600)).await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    app.run_out(id).await;
    app.lock(&buyer, id, Uuid::now_v7(), 150_000)
        .await
        .expect_problem(409, "HOLD_EXPIRED");
}

/// Locks a reservation for a payment of which the payment service says `outcome`, and waits until `field` is `value`.
async fn asked(outcome: Option<Value>, field: &str, value: Value) -> Value {
    let env = TestEnv::new()
        .await
        .with("PAYMENT_LOCK_QUERY_AFTER_SECONDS", 0.2)
        .with("PAYMENT_LOCK_QUERY_INTERVAL_SECONDS", 0.1)
        .with("PAYMENT_LOCK_QUERY_AGAIN_SECONDS", 0.2);
    let app = App::start_in(env).await;
    let buyer = app.buyer();
    let (id, payment) = (buyer.hold(&[1]).await, Uuid::now_v7());
    if let Some(outcome) = outcome {
        app.neighbours.known().payments.insert(payment, outcome);
    }
    let _ = app.lock(&buyer, id, payment, 150_000).await.expect(200);
    eventually("the old lock is resolved", SOON, async || {
        let shown = buyer.reservation(id).await;
        (shown[field] == value).then_some(shown)
    })
    .await
}

fn outcome(status: &str, confirm_started: bool) -> Option<Value> {
    let id = Uuid::now_v7();
    Some(json!({"paymentId": id, "reservationId": id, "status": status, "confirmStarted": confirm_started}))
}

#[tokio::test]
async fn the_lock_of_a_failed_payment_is_found_and_its_reservation_cancelled() {
    let shown = asked(outcome("FAILED", true), "status", json!("CANCELLED")).await;
    assert_eq!(
        (&shown["cancelReason"], &shown["paymentStatus"]),
        (&json!("PAYMENT_FAILED"), &json!("FAILED"))
    );
}

#[tokio::test]
async fn the_lock_of_a_payment_that_never_began_or_is_unknown_is_let_go() {
    for outcome in [outcome("PENDING", false), None] {
        let shown = asked(outcome, "paymentId", Value::Null).await;
        assert_eq!(shown["status"], "PENDING");
    }
}

#[tokio::test]
async fn the_lock_of_a_payment_whose_money_went_back_ends_without_another_refund() {
    let shown = asked(outcome("REFUNDED", true), "status", json!("CANCELLED")).await;
    assert_eq!(
        (&shown["cancelReason"], &shown["refund"]["status"]),
        (&json!("COMPENSATED"), &json!("SUCCEEDED"))
    );
}

#[tokio::test]
async fn a_payment_that_runs_or_succeeded_keeps_its_lock() {
    for status in ["PENDING", "SUCCESS"] {
        let env = TestEnv::new()
            .await
            .with("PAYMENT_LOCK_QUERY_AFTER_SECONDS", 0)
            .with("PAYMENT_LOCK_QUERY_INTERVAL_SECONDS", 0.05)
            .with("PAYMENT_LOCK_QUERY_AGAIN_SECONDS", 0.05);
        let app = App::start_in(env).await;
        let buyer = app.buyer();
        let (id, payment) = (buyer.hold(&[1]).await, Uuid::now_v7());
        app.neighbours
            .known()
            .payments
            .insert(payment, outcome(status, true).unwrap());
        let _ = app.lock(&buyer, id, payment, 150_000).await.expect(200);
        eventually("the payment service was asked", SOON, async || {
            let asked: Option<bool> = sqlx::query_scalar(
                "select payment_asked_at is not null from reservation_service.reservations where id = $1",
            )
            .bind(id)
            .fetch_one(&app.database)
            .await
            .unwrap();
            asked.filter(|asked| *asked)
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = app.lock(&buyer, id, payment, 150_000).await.expect(200);
        app.lock(&buyer, id, Uuid::now_v7(), 150_000)
            .await
            .expect_problem(409, "PAYMENT_IN_PROGRESS");
    }
}

#[tokio::test]
async fn a_payment_that_cannot_be_asked_after_keeps_no_other_lock_from_ending() {
    let app = App::start_in(TestEnv::new().await.with("PAYMENT_LOCK_QUERY_INTERVAL_SECONDS", 0.1)).await;
    let mut failed = Vec::new();
    for seat in 1..=6 {
        let buyer = app.buyer();
        let (id, payment) = (buyer.hold(&[seat]).await, Uuid::now_v7());
        let _ = app.lock(&buyer, id, payment, 150_000).await.expect(200);
        // Only the last one's payment is answered in words that we understand.
        let answer = outcome(if seat == 6 { "FAILED" } else { "?" }, true).unwrap();
        app.neighbours.known().payments.insert(payment, answer);
        failed.push((buyer, id));
    }
    // All at once, so that one round takes them together.
    sqlx::query(
        "update reservation_service.reservations set payment_locked_at = clock_timestamp() - interval '1 hour'",
    )
    .execute(&app.database)
    .await
    .unwrap();
    let (buyer, id) = failed.pop().unwrap();
    eventually("the lock of the failed payment is resolved", SOON, async || {
        (buyer.reservation(id).await["status"] == "CANCELLED").then_some(())
    })
    .await;
    for (buyer, id) in failed {
        assert_eq!(buyer.reservation(id).await["status"], "PENDING");
    }
}
