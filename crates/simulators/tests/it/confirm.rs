use serde_json::json;

use crate::helpers::{PRICE, World};

#[tokio::test]
async fn a_confirmed_payment_is_paid() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    let tx_id = world.get("p1").await.ok()["transactionId"].clone();
    let all_facts = json!({
        "paymentToken": token,
        "txId": tx_id,
        "currency": "KRW",
        "totalAmount": PRICE,
        "taxFreeAmount": 0,
        "isTest": true,
    });
    let summary = world.confirm("p1", &all_facts).await.ok();
    let payment = world.get("p1").await.ok();
    assert_eq!(payment["status"], "PAID");
    assert_eq!(payment["pgTxId"], summary["pgTxId"]);
    assert_eq!(payment["paidAt"], summary["paidAt"]);
    assert!(summary.get("payment").is_none());
}

#[tokio::test]
async fn a_second_confirm_is_already_paid_whatever_its_token() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    world.confirm("p1", &json!({ "paymentToken": token })).await.ok();
    for token in [token.as_str(), "another"] {
        let again = world.confirm("p1", &json!({ "paymentToken": token })).await;
        assert_eq!(again.error(), (409, "ALREADY_PAID"));
    }
}

#[tokio::test]
async fn of_many_confirms_at_once_one_charges() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    let body = json!({ "paymentToken": token });
    let (a, b, c, d) = tokio::join!(
        world.confirm("p1", &body),
        world.confirm("p1", &body),
        world.confirm("p1", &body),
        world.confirm("p1", &body),
    );
    let mut statuses = [a.status, b.status, c.status, d.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409]);
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_charges_nothing() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    let refused = world.confirm("p1", &json!({ "paymentToken": "guessed" })).await;
    assert_eq!(refused.error(), (400, "INVALID_PAYMENT_TOKEN"));
    assert_eq!(world.get("p1").await.ok()["status"], "READY");
    world.confirm("p1", &json!({ "paymentToken": token })).await.ok();
}

#[tokio::test]
async fn the_token_of_an_earlier_window_is_void() {
    let world = World::start().await;
    let earlier = world.authorised("p1", "PAY").await;
    world.window("p1", &json!({ "outcome": "ABANDON" })).await.ok();
    let refused = world.confirm("p1", &json!({ "paymentToken": earlier })).await;
    assert_eq!(refused.error(), (400, "INVALID_PAYMENT_TOKEN"));
}

#[tokio::test]
async fn each_fact_that_differs_is_a_mismatch_and_charges_nothing() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    for (field, wrong) in [
        ("totalAmount", json!(PRICE - 1)),
        ("taxFreeAmount", json!(1)),
        ("currency", json!("USD")),
        ("txId", json!("another")),
        ("isTest", json!(false)),
    ] {
        let refused = world
            .confirm("p1", &json!({ "paymentToken": token, field: wrong }))
            .await;
        assert_eq!(refused.error(), (409, "INFORMATION_MISMATCH"), "{field}");
        assert!(refused.body["message"].as_str().unwrap().contains(field));
    }
    assert_eq!(world.get("p1").await.ok()["status"], "READY");
}

#[tokio::test]
async fn an_unknown_or_only_pre_registered_payment_is_not_found() {
    let world = World::start().await;
    let body = json!({ "paymentToken": "t" });
    assert_eq!(world.confirm("p1", &body).await.error(), (404, "PAYMENT_NOT_FOUND"));
    world.pre_register("p1").await.ok();
    assert_eq!(world.confirm("p1", &body).await.error(), (404, "PAYMENT_NOT_FOUND"));
}

#[tokio::test]
async fn a_declined_confirm_is_502_and_the_payment_failed() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY_DECLINED_ON_CONFIRM").await;
    let declined = world.confirm("p1", &json!({ "paymentToken": token })).await;
    assert_eq!(declined.error(), (502, "PG_PROVIDER"));
    assert!(declined.body["pgCode"].is_string() && declined.body["pgMessage"].is_string());

    let payment = world.get("p1").await.ok();
    assert_eq!(payment["status"], "FAILED");
    assert_eq!(payment["failure"]["pgCode"], declined.body["pgCode"]);
    assert!(payment["failedAt"].is_string());
    let again = world.confirm("p1", &json!({ "paymentToken": token })).await;
    assert_eq!(again.error(), (400, "INVALID_PAYMENT_TOKEN"));
}

#[tokio::test]
async fn a_body_without_token_or_with_a_misspelt_field_is_refused() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY").await;
    for body in [json!({}), json!({ "paymentToken": token, "totalamount": 1 })] {
        assert_eq!(
            world.confirm("p1", &body).await.error(),
            (400, "INVALID_REQUEST"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_gateway_that_stumbles_leaves_the_payment_ready_for_another_try() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY_STUMBLES_ON_CONFIRM").await;
    let body = json!({ "paymentToken": token });
    assert_eq!(world.confirm("p1", &body).await.error(), (502, "PG_PROVIDER"));
    assert_eq!(world.get("p1").await.ok()["status"], "READY");
    world.confirm("p1", &body).await.ok();
    assert_eq!(world.get("p1").await.ok()["status"], "PAID");
}

#[tokio::test]
async fn a_gateway_that_ponders_leaves_the_payment_pending() {
    let world = World::start().await;
    let token = world.authorised("p1", "PAY_PENDING_ON_CONFIRM").await;
    let body = json!({ "paymentToken": token });
    assert_eq!(world.confirm("p1", &body).await.error(), (502, "PG_PROVIDER"));
    let pending = world.get("p1").await.ok();
    assert_eq!(pending["status"], "PAY_PENDING");
    assert!(pending["pgTxId"].is_string() && pending["channel"].is_object());
    assert_eq!(world.confirm("p1", &body).await.error(), (400, "INVALID_PAYMENT_TOKEN"));
    world.inbox.wait_for(2).await;
    assert_eq!(world.inbox.events(), ["Transaction.PayPending", "Transaction.Ready"]);
}
