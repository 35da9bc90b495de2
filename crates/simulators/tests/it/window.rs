use reqwest::Method;
use serde_json::json;

use crate::helpers::{PRICE, STORE, World};

#[tokio::test]
async fn paying_yields_a_token_and_charges_nothing_yet() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    let reply = world.window("p1", &json!({ "outcome": "PAY" })).await.ok();
    assert_eq!(reply["transactionType"], "PAYMENT");
    assert_eq!(reply["paymentId"], "p1");
    assert!(reply["paymentToken"].is_string());
    assert!(reply.get("code").is_none());

    let payment = world.get("p1").await.ok();
    assert_eq!(payment["status"], "READY");
    assert_eq!(payment["transactionId"], reply["txId"]);
    assert_eq!(payment["amount"]["paid"], 0);
}

#[tokio::test]
async fn failing_in_the_window_reports_the_gateways_code_and_may_be_tried_again() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    let failed = world.window("p1", &json!({ "outcome": "FAIL" })).await.ok();
    assert_eq!(failed["code"], "PGProviderError");
    assert!(failed["message"].is_string() && failed["pgCode"].is_string() && failed["pgMessage"].is_string());
    assert!(failed.get("paymentToken").is_none());
    let payment = world.get("p1").await.ok();
    assert_eq!(payment["status"], "FAILED");
    assert_eq!(payment["failure"]["pgCode"], failed["pgCode"]);

    let again = world.window("p1", &json!({ "outcome": "PAY" })).await.ok();
    assert_ne!(again["txId"], failed["txId"]);
    world
        .confirm("p1", &json!({ "paymentToken": again["paymentToken"] }))
        .await
        .ok();
}

#[tokio::test]
async fn abandoning_leaves_the_payment_ready_without_a_token() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    let reply = world.window("p1", &json!({ "outcome": "ABANDON" })).await.ok();
    assert!(reply.get("paymentToken").is_none() && reply.get("code").is_none());
    assert_eq!(world.get("p1").await.ok()["status"], "READY");
}

#[tokio::test]
async fn a_payment_that_was_not_pre_registered_has_no_window() {
    let world = World::start().await;
    let refused = world
        .window("p1", &json!({ "outcome": "PAY", "totalAmount": 1000 }))
        .await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (404, &json!("PaymentNotFound"))
    );
    assert_eq!(world.get("p1").await.status, 404);
}

#[tokio::test]
async fn a_tampered_browser_is_refused_and_leaves_no_trace() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    for tampered in [
        json!({ "outcome": "PAY", "totalAmount": PRICE - 1 }),
        json!({ "outcome": "PAY", "currency": "USD" }),
    ] {
        let refused = world.window("p1", &tampered).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (400, &json!("AmountNotEqualToPredefined"))
        );
    }
    assert_eq!(world.get("p1").await.status, 404);
    assert!(world.inbox.received().is_empty());
}

#[tokio::test]
async fn a_paid_payment_has_no_second_window() {
    let world = World::start().await;
    world.paid("p1").await;
    let refused = world.window("p1", &json!({ "outcome": "PAY" })).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (409, &json!("PaymentAlreadyPaid"))
    );
}

#[tokio::test]
async fn a_whole_checkout_object_is_understood() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    let checkout = json!({
        "outcome": "PAY",
        "storeId": STORE,
        "channelKey": "channel-key-00000000-0000-4000-8000-000000000002",
        "paymentId": "p1",
        "orderName": "two seats",
        "totalAmount": PRICE,
        "currency": "CURRENCY_KRW",
        "payMethod": "CARD",
        "redirectUrl": "https://shop.example/done",
        "customer": { "customerId": "c1", "fullName": "Kim", "phoneNumber": "01012345678" },
        "customData": "{}",
    });
    world.window("p1", &checkout).await.ok();
    let payment = world.get("p1").await.ok();
    assert_eq!(payment["orderName"], "two seats");
    assert_eq!(
        payment["customer"],
        json!({ "id": "c1", "name": "Kim", "phoneNumber": "01012345678" })
    );
    assert_eq!(payment["customData"], "{}");
    assert_eq!(payment["currency"], "KRW");
}

#[tokio::test]
async fn a_checkout_for_somebody_else_is_refused_in_the_sdks_words() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    for (field, value, code) in [
        ("storeId", "store-other", "StoreNotFound"),
        ("channelKey", "channel-key-other", "ChannelNotFound"),
        ("paymentId", "p2", "RequestParseFailed"),
        ("payMethod", "MOBILE", "RequestParseFailed"),
    ] {
        let refused = world.window("p1", &json!({ "outcome": "PAY", field: value })).await;
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!(code)), "{field}");
    }
}

#[tokio::test]
async fn an_unknown_outcome_or_field_is_refused() {
    let world = World::start().await;
    world.pre_register("p1").await.ok();
    for body in [
        json!({ "outcome": "RUN" }),
        json!({}),
        json!({ "outcome": "PAY", "amount": 1 }),
    ] {
        let refused = world.control(Method::POST, "/portone/payments/p1/window", &body).await;
        assert_eq!(refused.status, 400, "{body}");
    }
}
