use crate::helpers::{Person, World};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

#[tokio::test]
async fn a_user_sees_their_own_account() {
    let world = World::start().await;
    let buyer = world.register(&Person::buyer()).await;
    world.register(&Person::numbered(2)).await;

    let me = world.api.as_user(buyer).get("/users/me").await.expect(200);
    assert_eq!(me["id"], buyer.to_string());
    assert_eq!(me["email"], "buyer@example.com");
    assert_eq!(me["name"], "김철수");
    assert_eq!(me["phone"], "01012345678");
    assert_eq!(me["role"], "USER");
    assert_eq!(me["status"], "ACTIVE");
    assert_eq!(me["lastLoginAt"], Value::Null);
    assert!(me.get("ci").is_none() && me.get("passwordHash").is_none());

    world.login(&Person::buyer()).await;
    let me = world.api.as_user(buyer).get("/users/me").await.expect(200);
    let time = |name: &str| me[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert!(time("createdAt") < time("lastLoginAt"));
}

#[tokio::test]
async fn nobody_has_no_account() {
    let world = World::start().await;
    world.api.get("/users/me").await.expect_problem(401, "UNAUTHENTICATED");
    let stranger = world.api.as_user(Uuid::now_v7());
    stranger.get("/users/me").await.expect_problem(404, "NOT_FOUND");
}
