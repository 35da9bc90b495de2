use crate::helpers::{SOON, World, text};
use chrono::{DateTime, Utc};
use common::internal_auth::Service;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

fn time(value: &Value, field: &str) -> DateTime<Utc> {
    text(value, field).parse().unwrap()
}

#[tokio::test]
async fn a_buyer_waits_is_admitted_and_keeps_one_token() {
    let world = World::new().await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;

    let waiting = buyer.enter(event).await;
    assert_eq!(waiting["eventId"], event.to_string());
    assert_eq!(
        (&waiting["status"], &waiting["position"], &waiting["totalWaiting"]),
        (&json!("WAITING"), &json!(1), &json!(1))
    );
    assert_eq!(
        waiting["estimatedWaitSeconds"],
        Value::Null,
        "a paused line promises nothing"
    );
    assert_eq!(
        (&waiting["queueToken"], &waiting["tokenExpiresAt"]),
        (&Value::Null, &Value::Null)
    );
    assert!((2..=30).contains(&waiting["pollAfterSeconds"].as_u64().unwrap()));
    assert!(time(&waiting, "enteredAt") <= time(&waiting, "serverTime"));
    assert!(!text(&waiting, "queueTicket").is_empty());
    let again = buyer.enter(event).await;
    assert_eq!(
        (&again["enteredAt"], &again["position"]),
        (&waiting["enteredAt"], &waiting["position"])
    );

    world.set(event, json!({"paused": false})).await;
    let admitted = buyer.admitted().await;
    assert_eq!(
        (&admitted["position"], &admitted["enteredAt"]),
        (&Value::Null, &waiting["enteredAt"])
    );
    let token = text(&admitted, "queueToken");
    assert!(token.starts_with("qr_"));
    let left = time(&admitted, "tokenExpiresAt") - time(&admitted, "serverTime");
    assert!((595..=600).contains(&left.num_seconds()), "{left}");
    for again in [buyer.status().await.expect(200), buyer.enter(event).await] {
        assert_eq!(
            (&again["queueToken"], &again["tokenExpiresAt"]),
            (&admitted["queueToken"], &admitted["tokenExpiresAt"])
        );
    }

    let answer = world.is_valid(&token, buyer.id, event).await;
    assert_eq!(
        (&answer["valid"], &answer["expiresAt"]),
        (&json!(true), &admitted["tokenExpiresAt"])
    );
    Uuid::parse_str(&text(&answer, "grantId")).unwrap();
    let record: String = redis::cmd("GET")
        .arg(format!("queue:token:{token}"))
        .query_async(&mut world.redis().await)
        .await
        .unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(
        (&record["userId"], &record["type"]),
        (&json!(buyer.id), &json!("RESERVATION"))
    );
}

#[tokio::test]
async fn while_every_place_is_taken_nobody_is_promised_a_turn() {
    let world = World::with(&[("MAX_ACTIVE", "1")]).await;
    let (event, inside, outside) = (world.neighbours.event(), world.buyer(), world.buyer());
    inside.enter(event).await;
    inside.admitted().await;
    outside.enter(event).await;
    let waiting = eventually("a look at the full line", SOON, || async {
        let status = outside.status().await.expect(200);
        status["estimatedWaitSeconds"].is_null().then_some(status)
    })
    .await;
    assert_eq!(
        (&waiting["status"], &waiting["position"]),
        (&json!("WAITING"), &json!(1))
    );
    assert_eq!(world.stats(event).await["lastPlaceEtaSeconds"], Value::Null);
}

#[tokio::test]
async fn leaving_ends_place_and_token_and_the_next_one_moves_up_at_once() {
    let world = World::with(&[("MAX_ACTIVE", "1"), ("ADMISSION_TICK_MILLIS", "60000")]).await;
    let (event, first, second) = (world.neighbours.event(), world.buyer(), world.buyer());
    first.enter(event).await;
    let token = text(&first.admitted().await, "queueToken");
    assert_eq!(second.enter(event).await["status"], "WAITING");

    first.leave().await;
    first.leave().await;
    assert_eq!(
        world.is_valid(&token, first.id, event).await,
        json!({"valid": false, "grantId": null, "expiresAt": null})
    );
    assert_eq!(first.status().await.expect_problem(404, "NOT_QUEUED")["reason"], "LEFT");
    // Ticks are a minute apart here: only the wake-up can have admitted the second one.
    second.admitted().await;
}

#[tokio::test]
async fn a_hold_extends_the_place_and_its_payment_token_is_bound() {
    let world = World::with(&[("QUEUE_TOKEN_TTL_SECONDS", "60")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    buyer.enter(event).await;
    let admitted = buyer.admitted().await;
    let hold_end = time(&admitted, "tokenExpiresAt") + chrono::TimeDelta::seconds(10);
    let reservation = Uuid::now_v7();
    let request =
        json!({"userId": buyer.id, "eventId": event, "reservationId": reservation, "holdExpiresAt": hold_end});
    let issued = world
        .service(Service::Reservation)
        .post("/internal/queue/payment-tokens", &request)
        .await
        .expect(201);
    assert!(text(&issued, "paymentToken").starts_with("qp_"));

    let extended = buyer.status().await.expect(200);
    assert_eq!(
        time(&extended, "tokenExpiresAt"),
        hold_end + chrono::TimeDelta::seconds(60)
    );
    assert_eq!(extended["queueToken"], admitted["queueToken"]);

    let ask = |reservation: Uuid, kind: &str| json!({"token": issued["paymentToken"], "type": kind, "userId": buyer.id, "eventId": event, "reservationId": reservation});
    let payment = world.service(Service::Payment);
    let path = "/internal/queue/tokens/validate";
    let good = payment.post(path, &ask(reservation, "PAYMENT")).await.expect(200);
    assert_eq!(
        good,
        json!({"valid": true, "grantId": null, "expiresAt": issued["expiresAt"]})
    );
    assert_eq!(
        payment.post(path, &ask(Uuid::now_v7(), "PAYMENT")).await.expect(200)["valid"],
        false
    );
    assert_eq!(
        payment.post(path, &ask(reservation, "RESERVATION")).await.expect(200)["valid"],
        false
    );
}

#[tokio::test]
async fn an_admission_that_nobody_notices_comes_twice_and_is_over() {
    let world = World::with(&[("ADMISSION_CLAIM_SECONDS", "0.3")]).await;
    let (event, silent) = (world.neighbours.event(), world.buyer());
    silent.enter(event).await;
    let stats = eventually("an expiry", SOON, || async {
        let stats = world.stats(event).await;
        (stats["expired"] == 1).then_some(stats)
    })
    .await;
    assert_eq!(stats["admitted"], 2, "back in line once, at the old place");
    assert_eq!(silent.gone(event).await, "EXPIRED");
}

#[tokio::test]
async fn who_waits_in_silence_is_passed_over_and_may_enter_anew() {
    let world = World::with(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    let (event, silent) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    silent.enter(event).await;
    eventually("an eviction", SOON, || async {
        (world.stats(event).await["evicted"] == 1).then_some(())
    })
    .await;
    assert_eq!(silent.gone(event).await, "EVICTED");
    assert_eq!(silent.enter(event).await["position"], 1);
}
