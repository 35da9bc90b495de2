use crate::helpers::{App, hold_body, uuid};
use serde_json::Value;

#[tokio::test]
async fn the_same_key_gives_the_first_answer_with_a_fresh_payment_token() {
    let app = App::start().await;
    let buyer = app.buyer();
    let api = buyer.api.with_header("idempotency-key", "key-1");
    let body = hold_body(app.event_id, &[1, 2]);
    let first = api.post("/reservations/hold", &body).await.expect(201);
    let mut second = api.post("/reservations/hold", &body).await.expect(201);
    assert_ne!(first["paymentToken"], second["paymentToken"]);
    second["paymentToken"] = first["paymentToken"].clone();
    assert_eq!(first, second);

    let other = hold_body(app.event_id, &[3]);
    api.post("/reservations/hold", &other)
        .await
        .expect_problem(422, "IDEMPOTENCY_KEY_REUSED");

    // The answer stays what it was, but nobody can pay for what is over.
    let id = uuid(&first["reservationId"]);
    let _ = buyer.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);
    let third = api.post("/reservations/hold", &body).await.expect(201);
    assert_eq!(uuid(&third["reservationId"]), id);
    assert_eq!(third["paymentToken"], Value::Null);
    assert_eq!(app.seats("HOLD").await, [0; 0]);
}

#[tokio::test]
async fn a_refused_hold_leaves_its_key_free() {
    let app = App::start().await;
    let (first, second) = (app.buyer(), app.buyer());
    let id = first.hold(&[1]).await;
    let api = second.api.with_header("idempotency-key", "key-1");
    let body = hold_body(app.event_id, &[1]);
    api.post("/reservations/hold", &body)
        .await
        .expect_problem(409, "SEAT_UNAVAILABLE");
    let _ = first.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);
    let _ = api.post("/reservations/hold", &body).await.expect(201);
}

#[tokio::test]
async fn the_same_key_at_once_holds_once() {
    let app = App::start().await;
    let buyer = app.buyer();
    let api = buyer.api.with_header("idempotency-key", "key-1");
    let body = hold_body(app.event_id, &[1]);
    let (first, second) = tokio::join!(
        api.post("/reservations/hold", &body),
        api.post("/reservations/hold", &body)
    );
    for reply in [first, second] {
        if reply.status.as_u16() != 201 {
            reply.expect_problem(409, "IDEMPOTENCY_IN_FLIGHT");
        }
    }
    let reservation = api.post("/reservations/hold", &body).await.expect(201);
    assert_eq!(app.redis_holder(1).await, Some(uuid(&reservation["reservationId"])));
}

#[tokio::test]
async fn a_key_must_be_visible_and_short() {
    let app = App::start().await;
    for key in ["", "a b", &"x".repeat(129)] {
        let api = app.buyer().api.with_header("idempotency-key", key);
        api.post("/reservations/hold", &hold_body(app.event_id, &[1]))
            .await
            .expect_problem(400, "VALIDATION_FAILED");
    }
}
