use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{PRICE, STORE, World, answer};

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

#[tokio::test]
async fn a_payment_can_be_put_into_each_of_the_seven_statuses() {
    let world = World::start().await;
    world.authorised("p1", "PAY").await;
    let force = async |body: &Value| world.control(Method::POST, "/portone/payments/p1/status", body).await;
    for status in ["PAY_PENDING", "VIRTUAL_ACCOUNT_ISSUED", "FAILED", "READY", "PAID"] {
        let forced = force(&json!({ "status": status })).await.ok();
        assert_eq!(forced["status"], status);
        assert_eq!(world.get("p1").await.ok()["status"], status);
        assert_eq!(
            world.ledger().await[0]["captured"],
            if status == "PAID" { PRICE } else { 0 }
        );
    }
    let part = json!({ "status": "PARTIAL_CANCELLED", "amount": 10_000 });
    assert_eq!(force(&part).await.ok()["amount"]["cancelled"], 10_000);
    assert_eq!(
        force(&json!({ "status": "CANCELLED" })).await.ok()["amount"]["cancelled"],
        PRICE
    );
    let undone = force(&json!({ "status": "READY" })).await;
    assert_eq!(undone.error(), (409, "ALREADY_PAID"));
    assert_eq!(force(&json!({ "status": "LOST" })).await.status, 400);
    let row = &world.ledger().await[0];
    assert_eq!(
        (&row["captured"], &row["cancelled"], &row["status"]),
        (&json!(PRICE), &json!(PRICE), &json!("CANCELLED"))
    );

    world.inbox.wait_for(8).await;
    let expected = [
        "Transaction.Cancelled",
        "Transaction.Failed",
        "Transaction.Paid",
        "Transaction.PartialCancelled",
        "Transaction.PayPending",
        "Transaction.Ready",
        "Transaction.Ready",
        "Transaction.VirtualAccountIssued",
    ];
    assert_eq!(world.inbox.events(), expected);
}

#[tokio::test]
async fn the_list_calls_pending_what_the_payment_calls_pay_pending() {
    let world = World::start().await;
    world.paid("paid").await;
    world.authorised("pending", "PAY").await;
    let pending = json!({ "status": "PAY_PENDING" });
    world
        .control(Method::POST, "/portone/payments/pending/status", &pending)
        .await
        .ok();
    let list = async |request: Value| {
        let list = world.portone(Method::GET, "/payments");
        answer(list.query(&[("requestBody", request.to_string())])).await
    };
    let all = list(json!({ "page": { "number": 0, "size": 1 } })).await.ok();
    assert_eq!(all["page"], json!({ "number": 0, "size": 1, "totalCount": 2 }));
    assert_eq!(all["items"][0]["id"], "pending");
    let found = list(json!({ "filter": { "status": ["PENDING"] } })).await.ok();
    assert_eq!(
        (&found["items"][0]["id"], found["items"][0]["status"].as_str()),
        (&json!("pending"), Some("PAY_PENDING"))
    );
    assert_eq!(found["page"]["totalCount"], 1);
    let wrong = list(json!({ "filter": { "status": ["PAY_PENDING"] } })).await;
    assert_eq!(wrong.error(), (400, "INVALID_REQUEST"));
}
