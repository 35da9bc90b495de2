use reqwest::Method;
use serde_json::json;

use crate::helpers::{PRICE, World, answer};

#[tokio::test]
async fn the_ledger_has_one_row_per_payment() {
    let world = World::start().await;
    world.pre_register("only-pre-registered").await.ok();
    world.paid("paid").await;
    world.authorised("ready", "PAY").await;
    let token = world.authorised("declined", "PAY_DECLINED_ON_CONFIRM").await;
    assert_eq!(
        world
            .confirm("declined", &json!({ "paymentToken": token }))
            .await
            .status,
        502
    );
    world.paid("refunded").await;
    world.cancel("refunded", &json!({ "reason": "r" })).await.ok();
    world.paid("partly").await;
    world
        .cancel("partly", &json!({ "reason": "r", "amount": 1_000 }))
        .await
        .ok();

    let ledger = world.ledger().await;
    let rows: Vec<_> = ledger
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert!(row["at"].is_string());
            assert_eq!(row["amount"], PRICE);
            let amount = |field: &str| row[field].as_i64().unwrap();
            (
                row["paymentId"].as_str().unwrap(),
                amount("captured"),
                amount("cancelled"),
                row["status"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("paid", PRICE, 0, "PAID"),
        ("ready", 0, 0, "READY"),
        ("declined", 0, 0, "FAILED"),
        ("refunded", PRICE, PRICE, "CANCELLED"),
        ("partly", PRICE, 1_000, "PARTIAL_CANCELLED"),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_refund_by_hand_is_known_by_webhook_and_get() {
    let world = World::start().await;
    world.paid("p1").await;
    let path = "/portone/payments/p1/cancel";
    let part = world
        .control(Method::POST, path, &json!({ "amount": 1_000 }))
        .await
        .ok();
    assert_eq!(part["cancellation"]["trigger"], "CONSOLE");
    let rest = answer(world.request(Method::POST, &format!("/control{path}")))
        .await
        .ok();
    assert_eq!(rest["cancellation"]["totalAmount"], PRICE - 1_000);
    assert_eq!(world.get("p1").await.ok()["status"], "CANCELLED");
    world.inbox.wait_for(4).await;
    assert!(world.inbox.events().contains(&"Transaction.Cancelled".to_owned()));

    let again = world.control(Method::POST, path, &json!({})).await;
    assert_eq!(again.error(), (409, "PAYMENT_ALREADY_CANCELLED"));
    let unknown = world
        .control(Method::POST, "/portone/payments/unknown/cancel", &json!({}))
        .await;
    assert_eq!(unknown.error(), (404, "PAYMENT_NOT_FOUND"));
}

#[tokio::test]
async fn the_process_says_that_it_lives() {
    let world = World::start().await;
    assert_eq!(answer(world.request(Method::GET, "/health/live")).await.status, 200);
}
