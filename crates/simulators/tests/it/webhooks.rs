use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulators::{SigningKey, webhook_signature};

use crate::helpers::{STORE, World, answer};

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

const OTHER_SECRET: &str = "whsec_YW5vdGhlci1zZWNyZXQtZm9yLXRoZS1yb3RhdGlvbi0zMg==";

#[tokio::test]
async fn during_a_rotation_either_secret_or_none_may_have_signed() {
    let world = World::start_with(|config| config.portone_webhook_secrets.push(OTHER_SECRET.to_owned())).await;
    let key = |secret: &str| SigningKey::parse(secret).unwrap();
    let (present, previous) = (key(&world.webhook_secret), key(OTHER_SECRET));
    for (sign_with, keys) in [
        ("ALL", vec![present.clone(), previous.clone()]),
        ("PRESENT", vec![present.clone()]),
        ("PREVIOUS", vec![previous.clone()]),
        ("WRONG", vec![]),
    ] {
        world.faults(json!({ "webhook": { "signWith": sign_with } })).await;
        let before = world.inbox.received().len();
        world.authorised(sign_with, "PAY").await;
        let received = world.inbox.wait_for(before + 1).await.pop().unwrap();
        let sign = |keys: &[SigningKey]| webhook_signature(keys, &received.id, received.timestamp, &received.body);
        if keys.is_empty() {
            let theirs = [
                sign(std::slice::from_ref(&present)),
                sign(std::slice::from_ref(&previous)),
            ];
            assert!(received.signature.starts_with("v1,") && !theirs.contains(&received.signature));
        } else {
            assert_eq!(received.signature, sign(&keys), "{sign_with}");
        }
    }
}

#[tokio::test]
async fn a_webhook_may_come_before_the_reply_that_it_is_about() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world.inbox.wait_for(1).await;
    world
        .faults(json!({ "webhook": { "beforeReply": true, "delayMs": 100 } }))
        .await;
    world.confirm("p1", &json!({ "paymentToken": token })).await.ok();
    assert_eq!(world.inbox.events(), ["Transaction.Paid", "Transaction.Ready"]);
}

#[tokio::test]
async fn a_payment_shows_its_webhooks_and_has_them_sent_again() {
    let world = World::start().await;
    world.faults(json!({ "webhook": { "dropRate": 1 } })).await;
    world.paid("p1").await;
    let shown = world.get("p1").await.ok()["webhooks"].clone();
    let [ready, paid] = shown.as_array().unwrap().as_slice() else {
        panic!("{shown}")
    };
    assert_eq!(
        (&ready["paymentStatus"], &paid["paymentStatus"]),
        (&json!("READY"), &json!("PAID"))
    );
    assert_eq!(
        (&paid["currentExecutionCount"], &paid["maxExecutionCount"]),
        (&json!(0), &json!(6))
    );
    assert!(paid.get("status").is_none() && paid["url"].is_string() && paid["triggeredAt"].is_string());

    let resend = async |body| {
        let path = "/payments/p1/resend-webhook";
        answer(world.portone(Method::POST, path).json(&body)).await
    };
    let sent = resend(json!({})).await.ok();
    assert_eq!(sent["webhook"]["id"], paid["id"]);
    assert_eq!(
        (&sent["webhook"]["status"], &sent["webhook"]["trigger"]),
        (&json!("SUCCEEDED"), &json!("MANUAL"))
    );
    let received = world.inbox.received().pop().unwrap();
    assert_eq!(
        (json!(received.id), received.event().as_str()),
        (paid["id"].clone(), "Transaction.Paid")
    );

    let named = resend(json!({ "webhookId": ready["id"] })).await.ok();
    assert_eq!(named["webhook"]["id"], ready["id"]);
    assert_eq!(
        resend(json!({ "webhookId": "wh_x" })).await.error(),
        (404, "WEBHOOK_NOT_FOUND")
    );
    for _ in 0..5 {
        resend(json!({})).await.ok();
    }
    assert_eq!(
        resend(json!({})).await.error(),
        (400, "MAX_WEBHOOK_RETRY_COUNT_REACHED")
    );
    let nobody = world
        .portone(Method::POST, "/payments/p2/resend-webhook")
        .json(&json!({}));
    assert_eq!(answer(nobody).await.error(), (404, "PAYMENT_NOT_FOUND"));
}

#[tokio::test]
async fn refused_webhooks_are_counted() {
    let world = World::start().await;
    world.inbox.refuse_next(2);
    world.authorised("p1", "PAY").await;
    world.inbox.wait_for(3).await;
    let counted = async || world.get("p1").await.ok()["webhooks"][0].clone();
    while counted().await["currentExecutionCount"] != 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let webhook = counted().await;
    assert_eq!(
        (&webhook["status"], &webhook["response"]["code"]),
        (&json!("SUCCEEDED"), &json!("200"))
    );
}

#[tokio::test]
async fn events_may_be_of_types_and_have_fields_that_nobody_has_heard_of() {
    let world = World::start().await;
    world
        .faults(json!({ "webhook": { "unknownTypeRate": 1, "extraFields": true } }))
        .await;
    world.authorised("p1", "PAY").await;
    let event = world.inbox.wait_for(1).await[0].json();
    assert_eq!(event["type"], "Transaction.NotKnownYet");
    assert_eq!(event["data"]["paymentId"], "p1");
    assert!(event["novelty"].is_object() && event["data"]["novelty"].is_object());
}

#[tokio::test]
async fn any_webhook_can_be_sent_by_hand() {
    let world = World::start().await;
    let body = json!({ "type": "Weather.Changed", "data": { "storeId": "another" } });
    let request = json!({ "body": body, "webhookId": "wh_1", "ageSeconds": 600, "signWith": "PRESENT" });
    let sent = world.control(Method::POST, "/portone/webhooks", &request).await.ok();
    assert_eq!(sent, json!({ "webhookId": "wh_1", "status": 200 }));
    let received = world.inbox.received().pop().unwrap();
    assert_eq!((received.id.as_str(), received.json()), ("wh_1", body));
    let now = simulators::Clock::system().now().timestamp();
    assert!((595..=605).contains(&(now - received.timestamp)));
}
