use crate::helpers::{App, hold_body, uuid};
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{Api, TestEnv};
use uuid::Uuid;

#[tokio::test]
async fn a_hold_tells_seats_prices_end_and_payment_token() {
    let app = App::start().await;
    let buyer = app.buyer();
    let held = buyer.try_hold(&[2, 1]).await.expect(201);
    assert_eq!(held["status"], "PENDING");
    assert_eq!(held["totalAmount"], 300_000);
    let seat = |n: u128| json!({"seatId": Uuid::from_u128(n), "seatNumber": format!("A-{n}"), "grade": "VIP", "price": 150_000});
    assert_eq!(held["seats"], json!([seat(1), seat(2)]));
    assert!(held["paymentToken"].as_str().unwrap().starts_with("qp_"));

    let shown = buyer.reservation(uuid(&held["reservationId"])).await;
    assert_eq!(shown["holdExpiresAt"], held["holdExpiresAt"]);
    assert_eq!(
        (&shown["eventTitle"], &shown["cancelReason"]),
        (&json!("겨울 콘서트"), &Value::Null)
    );
    let issued = app.neighbours.known().tokens_issued.clone();
    assert_eq!(issued.len(), 1);
    assert_eq!(issued[0]["holdExpiresAt"], held["holdExpiresAt"]);
    assert_eq!(app.seats("HOLD").await, [1, 2]);
    assert_eq!(app.seats("AVAILABLE").await.len(), 10);
}

#[tokio::test]
async fn the_same_seats_again_give_the_same_reservation_and_other_seats_are_refused() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    let again = buyer.try_hold(&[2, 1]).await.expect(200);
    assert_eq!(uuid(&again["reservationId"]), id);
    assert!(again["paymentToken"].is_string());

    let problem = buyer.try_hold(&[2, 3]).await.expect_problem(409, "HOLD_EXISTS");
    assert_eq!(uuid(&problem["reservationId"]), id);
    // The refused hold took nothing and gave nothing of the first away.
    assert_eq!((app.redis_holder(2).await, app.redis_holder(3).await), (Some(id), None));
}

#[tokio::test]
async fn a_released_hold_is_free_at_once_and_releasing_twice_is_once() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    let path = format!("/reservations/hold/{id}");
    app.buyer().api.delete(&path).await.expect_problem(404, "NOT_FOUND");
    for _ in 0..2 {
        let _ = buyer.api.delete(&path).await.expect(204);
    }
    let shown = buyer.reservation(id).await;
    assert_eq!(
        (&shown["status"], &shown["cancelReason"]),
        (&json!("CANCELLED"), &json!("HOLD_RELEASED"))
    );
    assert_eq!(app.messages("ReservationCancelled", id).await.len(), 1);
    app.buyer().hold(&[1, 2]).await;
}

#[tokio::test]
async fn bad_requests_say_what_is_wrong() {
    let app = App::start().await;
    let buyer = app.buyer();
    for seats in [&[][..], &[1, 1], &[999]] {
        let problem = buyer.try_hold(seats).await.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], "seatIds", "{seats:?}");
    }
    let problem = buyer
        .try_hold(&[1, 2, 3, 4, 5])
        .await
        .expect_problem(409, "TICKET_LIMIT_EXCEEDED");
    assert_eq!(problem["limit"], 4);

    let unknown = json!({"eventId": app.event_id, "seatIds": [Uuid::from_u128(1)], "price": 1});
    buyer
        .api
        .post("/reservations/hold", &unknown)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    let text = Some(("text/plain", b"{}".to_vec()));
    buyer
        .api
        .send(http::Method::POST, "/reservations/hold", text)
        .await
        .expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    let broken = Some(("application/json", b"{".to_vec()));
    buyer
        .api
        .send(http::Method::POST, "/reservations/hold", broken)
        .await
        .expect_problem(400, "MALFORMED_REQUEST");
    buyer
        .api
        .get("/reservations/hold")
        .await
        .expect_problem(405, "METHOD_NOT_ALLOWED");
    buyer
        .api
        .get("/reservations/not-an-id")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(app.seats("HOLD").await, [0; 0]);
}

#[tokio::test]
async fn a_hold_needs_a_queue_token_of_this_user_and_event() {
    let app = App::start().await;
    let buyer = app.buyer();
    let body = hold_body(app.event_id, &[1]);
    let bare = Api::as_gateway(&app.running.url()).as_user(buyer.id);
    bare.post("/reservations/hold", &body)
        .await
        .expect_problem(403, "QUEUE_TOKEN_REQUIRED");
    for token in ["qr_unknown", "qp_good", ""] {
        let api = bare.with_header("x-queue-token", token);
        api.post("/reservations/hold", &body)
            .await
            .expect_problem(403, "QUEUE_TOKEN_INVALID");
    }
    // An event that nobody knows: no token is good for it.
    let other = hold_body(Uuid::now_v7(), &[1]);
    buyer
        .api
        .post("/reservations/hold", &other)
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");

    app.neighbours.known().queue_down = true;
    let reply = buyer.try_hold(&[1]).await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn nobody_is_anybody_without_the_gateways_credential() {
    let app = App::start().await;
    let path = format!("/reservations/seats/{}", app.event_id);
    Api::new(&app.running.url())
        .get(&path)
        .await
        .expect_problem(403, "FORBIDDEN");
    Api::as_gateway(&app.running.url())
        .get(&path)
        .await
        .expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_hold_stands_without_a_payment_token_and_gets_one_later() {
    let app = App::start().await;
    let buyer = app.buyer();
    app.neighbours.known().payment_tokens_down = true;
    let held = buyer.try_hold(&[1]).await.expect(201);
    assert_eq!(held["paymentToken"], Value::Null);
    let id = uuid(&held["reservationId"]);
    let path = format!("/reservations/hold/{id}/payment-token");
    buyer
        .api
        .post(&path, &json!({}))
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");

    app.neighbours.known().payment_tokens_down = false;
    let token = buyer.api.post(&path, &json!({})).await.expect(200);
    assert!(token["paymentToken"].as_str().unwrap().starts_with("qp_"));
    app.buyer()
        .api
        .post(&path, &json!({}))
        .await
        .expect_problem(404, "NOT_FOUND");
    let _ = buyer.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);
    buyer
        .api
        .post(&path, &json!({}))
        .await
        .expect_problem(409, "RESERVATION_NOT_PENDING");
}

#[tokio::test]
async fn holds_are_refused_before_and_after_the_sale() {
    let app = App::start_in(TestEnv::new().await.with("CATALOGUE_TTL_SECONDS", 0)).await;
    let now = common::Clock::system().now();
    app.neighbours.known().event.sale_start_at = now + TimeDelta::minutes(10);
    let reply = app.buyer().try_hold(&[1]).await;
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((595..=601).contains(&wait), "{wait}");
    let problem = reply.expect_problem(409, "SALE_NOT_OPEN");
    assert!(problem["saleStartAt"].is_string() && problem["serverTime"].is_string());

    app.neighbours.known().event.sale_start_at = now - TimeDelta::hours(2);
    app.neighbours.known().event.sale_end_at = now - TimeDelta::hours(1);
    app.buyer().try_hold(&[1]).await.expect_problem(409, "SALE_CLOSED");
    assert_eq!(app.redis_holder(1).await, None);
}
