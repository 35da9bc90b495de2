use std::time::Duration;

use serde_json::json;
use simulators::{SigningKey, webhook_signature};

use crate::helpers::{STORE, World};

#[tokio::test]
async fn a_payment_is_announced_from_its_window_to_its_refund() {
    let world = World::start().await;
    world.paid("p1").await;
    world
        .cancel("p1", &json!({ "reason": "r", "amount": 1_000 }))
        .await
        .ok();
    world.cancel("p1", &json!({ "reason": "r" })).await.ok();
    world.inbox.wait_for(4).await;
    let expected = [
        "Transaction.Cancelled",
        "Transaction.Paid",
        "Transaction.PartialCancelled",
        "Transaction.Ready",
    ];
    assert_eq!(world.inbox.events(), expected);
}

#[tokio::test]
async fn a_webhook_is_signed_and_names_the_payment_but_no_amount() {
    let world = World::start().await;
    world.paid("p1").await;
    let payment = world.get("p1").await.ok();
    let received = world.inbox.wait_for(2).await;
    let paid = received
        .iter()
        .find(|webhook| webhook.event() == "Transaction.Paid")
        .unwrap();

    let keys = [SigningKey::parse(&world.webhook_secret).unwrap()];
    assert_eq!(
        paid.signature,
        webhook_signature(&keys, &paid.id, paid.timestamp, &paid.body)
    );
    let body = paid.json();
    let data = json!({ "storeId": STORE, "paymentId": "p1", "transactionId": payment["transactionId"] });
    assert_eq!(body["data"], data);
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(body.as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn a_cancellation_is_named() {
    let world = World::start().await;
    world.paid("p1").await;
    let reply = world.cancel("p1", &json!({ "reason": "r" })).await.ok();
    let received = world.inbox.wait_for(3).await;
    let cancelled = received
        .iter()
        .find(|webhook| webhook.event() == "Transaction.Cancelled")
        .unwrap();
    assert_eq!(cancelled.json()["data"]["cancellationId"], reply["cancellation"]["id"]);
}

#[tokio::test]
async fn failures_are_announced_in_the_window_and_on_confirm() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    world.window("p1", &json!({ "outcome": "FAIL" })).await.ok();
    world.inbox.wait_for(2).await;
    assert_eq!(world.inbox.events(), ["Transaction.Failed", "Transaction.Ready"]);

    let token = world.authorised("p2", "PAY_DECLINED_ON_CONFIRM").await;
    assert_eq!(world.confirm("p2", &json!({ "paymentToken": token })).await.status, 502);
    let received = world.inbox.wait_for(4).await;
    assert!(
        received
            .iter()
            .any(|webhook| { webhook.event() == "Transaction.Failed" && webhook.json()["data"]["paymentId"] == "p2" })
    );
}

#[tokio::test]
async fn whoever_asks_for_no_webhook_gets_none() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world
        .confirm("p1", &json!({ "paymentToken": token, "skipWebhook": true }))
        .await
        .ok();
    world
        .cancel("p1", &json!({ "reason": "r", "skipWebhook": true }))
        .await
        .ok();
    world.authorised("p2", "PAY").await;
    world.inbox.wait_for(2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.inbox.events(), ["Transaction.Ready", "Transaction.Ready"]);
}

#[tokio::test]
async fn a_refused_webhook_comes_again_under_the_same_id() {
    let world = World::start().await;
    world.inbox.refuse_next(2);
    world.authorised("p1", "PAY").await;
    let received = world.inbox.wait_for(3).await;
    assert!(
        received
            .iter()
            .all(|webhook| webhook.id == received[0].id && webhook.body == received[0].body)
    );
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(
        world.inbox.received().len(),
        3,
        "an accepted webhook does not come again"
    );
}

#[tokio::test]
async fn after_six_attempts_a_webhook_is_given_up() {
    let world = World::start_with(|config| config.portone_webhook_retry_unit = Duration::from_micros(100)).await;
    world.inbox.refuse_next(10);
    world.authorised("p1", "PAY").await;
    world.inbox.wait_for(6).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(world.inbox.received().len(), 6);
}

#[tokio::test]
async fn during_rotation_both_secrets_sign() {
    let previous = "whsec_dGlja2V0aW5nLWRldi13ZWJob29rLXNlY3JldC0zMmI=";
    let world = World::start_with(|config| config.portone_webhook_secrets.push(previous.to_owned())).await;
    world.authorised("p1", "PAY").await;
    let received = world.inbox.wait_for(1).await;
    let webhook = &received[0];
    for (signature, secret) in webhook
        .signature
        .split(' ')
        .zip([world.webhook_secret.as_str(), previous])
    {
        let key = SigningKey::parse(secret).unwrap();
        assert_eq!(
            signature,
            webhook_signature(&[key], &webhook.id, webhook.timestamp, &webhook.body)
        );
    }
    assert_eq!(webhook.signature.split(' ').count(), 2);
}
