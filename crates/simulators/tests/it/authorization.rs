use reqwest::Method;
use serde_json::json;

use crate::helpers::{World, answer};

#[tokio::test]
async fn without_the_secret_nothing_is_answered_but_401() {
    let world = World::start().await;
    for header in [
        None,
        Some("PortOne wrong"),
        Some("Bearer local-portone-api-secret-0123456789abcdef"),
    ] {
        for path in ["/payments/unknown", "/identity-verifications/unknown", "/no/such/path"] {
            let mut request = world.request(Method::GET, &format!("/portone{path}"));
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            assert_eq!(
                answer(request).await.error(),
                (401, "UNAUTHORIZED"),
                "{header:?} {path}"
            );
        }
    }
}

#[tokio::test]
async fn the_secret_is_checked_before_the_body() {
    let world = World::start().await;
    let request = world
        .request(Method::POST, "/portone/payments/p1/confirm")
        .body("no json");
    assert_eq!(answer(request).await.error(), (401, "UNAUTHORIZED"));
}

#[tokio::test]
async fn another_store_is_forbidden() {
    let world = World::start().await;
    world.paid("p1").await;
    let foreign = "store-ffffffff-0000-4000-8000-000000000001";
    let refused = world
        .confirm("p1", &json!({ "paymentToken": "t", "storeId": foreign }))
        .await;
    assert_eq!(refused.error(), (403, "FORBIDDEN"));
    let refused = world.cancel("p1", &json!({ "reason": "r", "storeId": foreign })).await;
    assert_eq!(refused.error(), (403, "FORBIDDEN"));
    let refused = answer(world.portone(Method::GET, &format!("/payments/p1?storeId={foreign}"))).await;
    assert_eq!(refused.error(), (403, "FORBIDDEN"));
}

#[tokio::test]
async fn an_unknown_route_is_404() {
    let world = World::start().await;
    assert_eq!(answer(world.portone(Method::GET, "/no/such/path")).await.status, 404);
}
