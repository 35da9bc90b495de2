use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, World, answer};

async fn pre_register(world: &World, body: &Value) -> Answer {
    answer(world.portone(Method::POST, "/payments/p1/pre-register").json(body)).await
}

#[tokio::test]
async fn it_answers_with_an_empty_object() {
    let world = World::start().await;
    assert_eq!(world.pre_register("p1").await.ok(), json!({}));
}

#[tokio::test]
async fn saying_it_again_replaces_the_amount() {
    let world = World::start().await;
    pre_register(&world, &json!({ "totalAmount": 1000 })).await.ok();
    pre_register(&world, &json!({ "totalAmount": 2000 })).await.ok();
    let window = world
        .window("p1", &json!({ "outcome": "PAY", "totalAmount": 2000 }))
        .await;
    assert_eq!(window.status, 200);
}

#[tokio::test]
async fn a_paid_payment_is_refused() {
    let world = World::start().await;
    world.paid("p1").await;
    assert_eq!(world.pre_register("p1").await.error(), (409, "ALREADY_PAID"));
    world.cancel("p1", &json!({ "reason": "r" })).await.ok();
    assert_eq!(world.pre_register("p1").await.error(), (409, "ALREADY_PAID"));
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused() {
    let world = World::start().await;
    for body in [
        json!({ "totalAmount": 0 }),
        json!({ "totalAmount": -1 }),
        json!({ "totalAmount": 10, "taxFreeAmount": 11 }),
        json!({ "totalAmount": "10" }),
        json!({ "totalAmont": 10 }),
        json!([]),
    ] {
        assert_eq!(
            pre_register(&world, &body).await.error(),
            (400, "INVALID_REQUEST"),
            "{body}"
        );
    }
    let empty = answer(world.portone(Method::POST, "/payments/p1/pre-register")).await;
    assert_eq!(empty.error(), (400, "INVALID_REQUEST"));
}
