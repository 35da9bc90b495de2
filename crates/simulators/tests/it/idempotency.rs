use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, World, answer};

const KEY: &str = "\"refund-0123456789\"";

async fn cancel(world: &World, key: &str, body: &Value) -> Answer {
    answer(
        world
            .portone(Method::POST, "/payments/p1/cancel")
            .header("idempotency-key", key)
            .json(body),
    )
    .await
}

#[tokio::test]
async fn the_same_key_gets_the_first_reply_again_without_a_second_effect() {
    let world = World::start().await;
    world.paid("p1").await;
    let body = json!({ "reason": "r", "amount": 1_000 });
    let first = cancel(&world, KEY, &body).await.ok();
    let second = cancel(&world, KEY, &body).await.ok();
    assert_eq!(first, second);
    assert_eq!(world.get("p1").await.ok()["amount"]["cancelled"], 1_000);
    cancel(&world, "\"refund-another-one\"", &body).await.ok();
    assert_eq!(world.get("p1").await.ok()["amount"]["cancelled"], 2_000);
}

#[tokio::test]
async fn refusals_are_remembered_as_well() {
    let world = World::start().await;
    let body = json!({ "reason": "r" });
    assert_eq!(cancel(&world, KEY, &body).await.error(), (404, "PAYMENT_NOT_FOUND"));
    world.paid("p1").await;
    assert_eq!(cancel(&world, KEY, &body).await.error(), (404, "PAYMENT_NOT_FOUND"));
}

#[tokio::test]
async fn a_key_is_forgotten_after_three_hours() {
    let world = World::start().await;
    world.paid("p1").await;
    let body = json!({ "reason": "r", "amount": 1_000 });
    cancel(&world, KEY, &body).await.ok();
    world.pass_time(3 * 3600 - 10);
    cancel(&world, KEY, &body).await.ok();
    assert_eq!(world.get("p1").await.ok()["amount"]["cancelled"], 1_000);
    world.pass_time(11);
    cancel(&world, KEY, &body).await.ok();
    assert_eq!(world.get("p1").await.ok()["amount"]["cancelled"], 2_000);
}

#[tokio::test]
async fn while_the_first_request_runs_its_repetition_is_told_so() {
    let world = World::start().await;
    world.paid("p1").await;
    world
        .faults(json!({ "portone": { "cancel": { "delayMs": 3000 } } }))
        .await;
    let body = json!({ "reason": "r" });
    // Either may be the first to arrive.
    let (one, other) = tokio::join!(cancel(&world, KEY, &body), cancel(&world, KEY, &body));
    let (first, second) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!(first.status, 200);
    assert_eq!(second.error(), (409, "IDEMPOTENCY_OUTSTANDING_REQUEST"));
    assert_eq!(cancel(&world, KEY, &body).await.ok(), first.body);
}

#[tokio::test]
async fn a_lost_reply_is_found_again_under_its_key() {
    let world = World::start().await;
    world.paid("p1").await;
    world
        .faults(json!({ "portone": { "cancel": { "dropReplyAfterEffectRate": 1.0 } } }))
        .await;
    let body = json!({ "reason": "r" });
    let request = world
        .portone(Method::POST, "/payments/p1/cancel")
        .header("idempotency-key", KEY)
        .json(&body);
    assert!(request.send().await.is_err());
    assert_eq!(
        cancel(&world, KEY, &body).await.ok()["cancellation"]["status"],
        "SUCCEEDED"
    );
}

#[tokio::test]
async fn a_request_that_never_arrived_is_not_remembered() {
    let world = World::start().await;
    world.paid("p1").await;
    world
        .faults(json!({ "portone": { "cancel": { "errorRate": 1.0 } } }))
        .await;
    let body = json!({ "reason": "r" });
    assert_eq!(cancel(&world, KEY, &body).await.status, 503);
    world.faults(json!({})).await;
    cancel(&world, KEY, &body).await.ok();
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let world = World::start().await;
    world.paid("p1").await;
    cancel(&world, KEY, &json!({ "reason": "r", "amount": 1_000 }))
        .await
        .ok();
    let refused = cancel(&world, KEY, &json!({ "reason": "r", "amount": 2_000 })).await;
    assert_eq!(refused.error(), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn a_key_must_be_a_quoted_string_of_sixteen_to_256_characters() {
    let world = World::start().await;
    world.paid("p1").await;
    let body = json!({ "reason": "r", "amount": 1_000 });
    let too_long = format!("\"{}\"", "k".repeat(257));
    for key in [
        "refund-0123456789",
        "\"too-short\"",
        "\"",
        "\"quote-\"-in-the-middle\"",
        &too_long,
    ] {
        assert_eq!(
            cancel(&world, key, &body).await.error(),
            (400, "INVALID_REQUEST"),
            "{key}"
        );
    }
    cancel(&world, &format!("\"{}\"", "k".repeat(256)), &body).await.ok();
}

#[tokio::test]
async fn get_ignores_the_key() {
    let world = World::start().await;
    world.paid("p1").await;
    answer(
        world
            .portone(Method::GET, "/payments/p1")
            .header("idempotency-key", "bad"),
    )
    .await
    .ok();
}
