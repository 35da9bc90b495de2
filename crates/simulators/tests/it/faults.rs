use std::collections::HashSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{World, answer};

#[tokio::test]
async fn a_charge_happens_though_its_caller_gave_up_waiting() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world
        .faults(json!({ "portone": { "confirm": { "delayMs": 3000 } } }))
        .await;
    let impatient = world
        .portone(Method::POST, "/payments/p1/confirm")
        .json(&json!({ "paymentToken": token }))
        .timeout(Duration::from_millis(500));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(world.get("p1").await.ok()["status"], "READY");
    paid_soon(&world).await;
}

async fn paid_soon(world: &World) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while world.get("p1").await.ok()["status"] != "PAID" {
        assert!(Instant::now() < deadline, "the charge never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_lost_reply_follows_an_effect() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world
        .faults(json!({ "portone": { "confirm": { "dropReplyAfterEffectRate": 1 } } }))
        .await;
    let sent = world
        .portone(Method::POST, "/payments/p1/confirm")
        .json(&json!({ "paymentToken": token }))
        .send()
        .await;
    let error = sent.unwrap_err();
    assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
    assert_eq!(world.get("p1").await.ok()["status"], "PAID");
}

#[tokio::test]
async fn an_error_comes_without_an_effect() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world
        .faults(json!({ "portone": { "confirm": { "errorRate": 1 } } }))
        .await;
    assert_eq!(world.confirm("p1", &json!({ "paymentToken": token })).await.status, 503);
    assert_eq!(world.get("p1").await.ok()["status"], "READY");
}

#[tokio::test]
async fn an_error_may_hide_an_effect_and_the_key_remembers_the_truth() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world
        .faults(json!({ "portone": { "confirm": { "errorAfterEffectRate": 1 } } }))
        .await;
    let confirm = || {
        world
            .portone(Method::POST, "/payments/p1/confirm")
            .header("idempotency-key", "\"0123456789abcdef\"")
            .json(&json!({ "paymentToken": token }))
    };
    assert_eq!(answer(confirm()).await.status, 500);
    assert_eq!(world.get("p1").await.ok()["status"], "PAID");
    assert!(answer(confirm()).await.ok()["pgTxId"].is_string());
}

#[tokio::test]
async fn a_reply_may_be_late_though_the_effect_was_not() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world
        .faults(json!({ "portone": { "confirm": { "replyDelayMs": 600_000 } } }))
        .await;
    let impatient = world
        .portone(Method::POST, "/payments/p1/confirm")
        .json(&json!({ "paymentToken": token }))
        .timeout(Duration::from_millis(500));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    paid_soon(&world).await;
}

#[tokio::test]
async fn a_gateway_out_of_order_charges_and_gives_back_nothing() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    let body = json!({ "paymentToken": token });
    world
        .faults(json!({ "portone": { "confirm": { "pgErrorRate": 1 }, "cancel": { "pgErrorRate": 1 } } }))
        .await;
    assert_eq!(world.confirm("p1", &body).await.error(), (502, "PG_PROVIDER"));
    assert_eq!(world.get("p1").await.ok()["status"], "READY");

    world
        .faults(json!({ "portone": { "cancel": { "pgErrorRate": 1 } } }))
        .await;
    world.confirm("p1", &body).await.ok();
    let refused = world.cancel("p1", &json!({ "reason": "r" })).await;
    assert_eq!(refused.error(), (502, "PG_PROVIDER"));
    assert_eq!(world.get("p1").await.ok()["status"], "PAID");
}

#[tokio::test]
async fn replies_say_what_nobody_has_heard_of() {
    let world = World::start().await;
    world.paid("p1").await;
    world.cancel("p1", &json!({ "reason": "r", "amount": 1 })).await.ok();
    let get = async |faults: Value| {
        world.faults(json!({ "portone": { "get": faults } })).await;
        world.get("p1").await.ok()
    };
    let known = ["PAID", "PARTIAL_CANCELLED", "TEST", "SUCCEEDED"];
    let status = get(json!({ "unknownEnumRate": 1 })).await;
    assert!(!known.contains(&status["status"].as_str().unwrap()));
    assert_eq!(status["channel"]["type"], "TEST");
    let channel = get(json!({ "unknownChannelTypeRate": 1 })).await;
    assert!(!known.contains(&channel["channel"]["type"].as_str().unwrap()));
    let cancellation = get(json!({ "unknownCancellationStatusRate": 1 })).await;
    assert!(!known.contains(&cancellation["cancellations"][0]["status"].as_str().unwrap()));
    let more = get(json!({ "extraFields": true })).await;
    assert_eq!(more["status"], "PARTIAL_CANCELLED");
    assert!(more["novelty"].is_object() && more["amount"]["novelty"].is_object());
    assert!(more["cancellations"][0]["novelty"].is_object());

    world
        .faults(json!({ "portone": { "cancel": { "unknownCancellationStatusRate": 1 } } }))
        .await;
    let reply = world.cancel("p1", &json!({ "reason": "r" })).await.ok();
    assert!(!known.contains(&reply["cancellation"]["status"].as_str().unwrap()));
}

#[tokio::test]
async fn each_operation_has_faults_of_its_own() {
    let world = World::start().await;
    for broken in ["preRegister", "get", "confirm", "cancel"] {
        world.faults(json!({ "portone": { broken: { "errorRate": 1 } } })).await;
        let statuses = [
            ("preRegister", world.pre_register("p1").await.status),
            ("get", world.get("p1").await.status),
            (
                "confirm",
                world.confirm("p1", &json!({ "paymentToken": "t" })).await.status,
            ),
            ("cancel", world.cancel("p1", &json!({ "reason": "r" })).await.status),
        ];
        for (operation, status) in statuses {
            assert_eq!(
                status == 503,
                operation == broken,
                "{operation} answered {status} while {broken} was broken"
            );
        }
    }
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_requests_whatever_else_is_asked() {
    let world = World::start().await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        world
            .faults(json!({ "seed": 7, "portone": { "get": { "errorRate": 0.5 } } }))
            .await;
        let mut run = Vec::new();
        for _ in 0..30 {
            run.push(world.get("p1").await.status);
            if runs.is_empty() {
                world.pre_register("p2").await.ok();
            }
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    let seen: HashSet<u16> = runs[0].iter().copied().collect();
    assert_eq!(seen, HashSet::from([404, 503]));
}

#[tokio::test]
async fn the_faults_in_force_are_reported_with_their_seed() {
    let world = World::start().await;
    let in_force = world
        .faults(json!({ "webhook": { "duplicate": 2, "shuffle": true } }))
        .await;
    assert!(in_force["seed"].is_u64());
    let webhook = &in_force["webhook"];
    assert_eq!((&webhook["duplicate"], &webhook["shuffle"]), (&json!(2), &json!(true)));
    assert_eq!((&webhook["delayMs"], &webhook["dropRate"]), (&json!(0), &json!(0.0)));
}

#[tokio::test]
async fn deleting_the_faults_ends_them() {
    let world = World::start().await;
    world.faults(json!({ "portone": { "get": { "errorRate": 1 } } })).await;
    assert_eq!(world.get("p1").await.status, 503);
    let deleted = answer(world.request(Method::DELETE, "/control/faults")).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(world.get("p1").await.status, 404);
}

#[tokio::test]
async fn faults_nobody_knows_and_rates_beyond_one_are_refused() {
    let world = World::start().await;
    for faults in [
        json!({ "portone": { "get": { "errorRate": 1.5 } } }),
        json!({ "webhook": { "dropRate": -0.1 } }),
        json!({ "portone": { "refund": {} } }),
        json!({ "portone": { "get": { "pgErrorRate": 1 } } }),
        json!({ "portone": { "confirm": { "requestedRate": 1 } } }),
        json!({ "portone": { "confirm": { "unknownEnumRate": 1 } } }),
        json!({ "webhook": { "signWith": "NOBODY" } }),
        json!({ "weather": "bad" }),
    ] {
        assert_eq!(
            world.control(Method::PUT, "/faults", &faults).await.status,
            400,
            "{faults}"
        );
    }
}

#[tokio::test]
async fn webhooks_are_duplicated_under_one_id() {
    let world = World::start().await;
    world.faults(json!({ "webhook": { "duplicate": 2 } })).await;
    world.authorised("p1", "PAY").await;
    let received = world.inbox.wait_for(3).await;
    let ids: HashSet<&str> = received.iter().map(|webhook| webhook.id.as_str()).collect();
    assert_eq!((received.len(), ids.len()), (3, 1));
}

#[tokio::test]
async fn webhooks_get_lost() {
    let world = World::start().await;
    world.faults(json!({ "webhook": { "dropRate": 1 } })).await;
    world.paid("lost").await;
    world.faults(json!({})).await;
    world.authorised("p1", "PAY").await;
    let received = world.inbox.wait_for(1).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].json()["data"]["paymentId"], "p1");
}

#[tokio::test]
async fn webhooks_come_late() {
    let world = World::start().await;
    world.faults(json!({ "webhook": { "delayMs": 300 } })).await;
    let begun = Instant::now();
    world.authorised("p1", "PAY").await;
    world.inbox.wait_for(1).await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn webhooks_come_out_of_order() {
    let world = World::start().await;
    world.faults(json!({ "seed": 1, "webhook": { "shuffle": true } })).await;
    for number in 0..12 {
        world.authorised(&format!("p{number:02}"), "PAY").await;
    }
    let order: Vec<Value> = world
        .inbox
        .wait_for(12)
        .await
        .iter()
        .map(|webhook| webhook.json()["data"]["paymentId"].clone())
        .collect();
    let sorted = order.is_sorted_by_key(ToString::to_string);
    assert!(!sorted, "{order:?}");
}

#[tokio::test]
async fn recaptcha_and_identity_go_down_apart() {
    let world = World::start().await;
    let captcha = async || {
        answer(
            world
                .request(Method::POST, "/recaptcha/siteverify")
                .form(&[("secret", "x")]),
        )
        .await
        .status
    };
    let identity = async || {
        answer(world.portone(Method::GET, "/identity-verifications/x"))
            .await
            .status
    };
    world.faults(json!({ "recaptcha": { "down": true } })).await;
    assert_eq!((captcha().await, identity().await), (503, 404));
    world.faults(json!({ "identity": { "down": true } })).await;
    assert_eq!((captcha().await, identity().await), (200, 503));
    world.faults(json!({ "recaptcha": { "delayMs": 200 } })).await;
    let begun = Instant::now();
    assert_eq!(captcha().await, 200);
    assert!(begun.elapsed() >= Duration::from_millis(200));
}
