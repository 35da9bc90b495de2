use serde_json::{Value, json};

use crate::helpers::{PRICE, STORE, World};

fn assert_has(payment: &Value, fields: &[&str]) {
    for field in fields {
        assert!(!payment[*field].is_null(), "{field} is missing from {payment}");
    }
}

const ALWAYS: [&str; 14] = [
    "status",
    "id",
    "transactionId",
    "merchantId",
    "storeId",
    "version",
    "orderName",
    "customer",
    "amount",
    "currency",
    "requestedAt",
    "updatedAt",
    "statusChangedAt",
    "origin",
];

#[tokio::test]
async fn unknown_and_only_pre_registered_payments_are_not_found() {
    let world = World::start().await;
    assert_eq!(world.get("p1").await.error(), (404, "PAYMENT_NOT_FOUND"));
    world.pre_register("p1").await.ok();
    assert_eq!(world.get("p1").await.error(), (404, "PAYMENT_NOT_FOUND"));
}

#[tokio::test]
async fn a_paid_payment_has_every_required_member() {
    let world = World::start().await;
    world.paid("p1").await;
    let payment = world.get("p1").await.ok();
    assert_has(&payment, &ALWAYS);
    assert_has(
        &payment,
        &["channel", "method", "paidAt", "disputes", "pgTxId", "receiptUrl"],
    );
    assert_eq!(payment["status"], "PAID");
    assert_eq!(payment["storeId"], STORE);
    assert_eq!(payment["version"], "V2");
    assert_eq!(payment["currency"], "KRW");
    assert_eq!(payment["channel"]["type"], "TEST");
    assert_eq!(
        payment["channel"]["key"],
        "channel-key-00000000-0000-4000-8000-000000000002"
    );
    assert_has(&payment["channel"], &["pgProvider", "pgMerchantId"]);
    assert_eq!(payment["method"]["type"], "PaymentMethodCard");
    assert_has(&payment["method"], &["card", "approvalNumber", "installment"]);
    assert_has(&payment["origin"], &["platformType", "ipAddress"]);
    assert_eq!(
        payment["amount"],
        json!({
            "total": PRICE, "taxFree": 0, "vat": 10_000, "supply": 100_000,
            "discount": 0, "paid": PRICE, "cancelled": 0, "cancelledTaxFree": 0,
        })
    );
    assert!(payment.get("cancellations").is_none());
}

#[tokio::test]
async fn ready_and_failed_payments_have_no_channel() {
    let world = World::start().await;
    world.authorised("ready", "PAY").await;
    world.pre_register("failed").await.ok();
    world.window("failed", &json!({ "outcome": "FAIL" })).await.ok();
    for id in ["ready", "failed"] {
        let payment = world.get(id).await.ok();
        assert_has(&payment, &ALWAYS);
        assert!(
            payment.get("channel").is_none() && payment.get("paidAt").is_none(),
            "{id}"
        );
    }
    assert_has(&world.get("failed").await.ok(), &["failedAt", "failure"]);
}

#[tokio::test]
async fn cancelled_payments_list_their_cancellations() {
    let world = World::start().await;
    world.paid("p1").await;
    world
        .cancel("p1", &json!({ "reason": "some", "amount": 10_000 }))
        .await
        .ok();
    let payment = world.get("p1").await.ok();
    assert_has(&payment, &["cancellations", "cancelledAt", "paidAt", "channel"]);
    assert_eq!(payment["status"], "PARTIAL_CANCELLED");
    assert_eq!(payment["amount"]["cancelled"], 10_000);

    world.cancel("p1", &json!({ "reason": "the rest" })).await.ok();
    let payment = world.get("p1").await.ok();
    assert_eq!(payment["status"], "CANCELLED");
    assert_eq!(payment["amount"]["cancelled"], PRICE);
    assert_eq!(payment["cancellations"].as_array().unwrap().len(), 2);
}
