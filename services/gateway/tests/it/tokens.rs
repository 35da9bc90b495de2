use crate::{
    forged::{LOCAL_SECRET, claims, hand_made},
    helpers::{MustBe, World},
};
use chrono::TimeDelta;
use common::{Clock, crypto, identity::Role};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn an_expired_token_says_so() {
    let world = World::new().await;
    let buyer = world.somebody();
    buyer.api.get("/users/me").await.must_be(200);
    world.clock.advance(TimeDelta::seconds(3600));
    buyer.api.get("/users/me").await.expect_problem(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn the_former_secret_is_good_during_rotation() {
    let new = "new-secret-0123456789abcdef0123456789";
    let world = World::with(&[("JWT_SECRET", new), ("JWT_SECRET_PREVIOUS", LOCAL_SECRET)]).await;
    let old = hand_made(&json!({"alg": "HS256"}), &claims());
    world.anybody().with_token(&old).get("/users/me").await.must_be(200);
    let (fresh, _) = world
        .issuer(&Clock::system())
        .issue(Uuid::now_v7(), Role::User, Uuid::now_v7())
        .unwrap();
    world.anybody().with_token(&fresh).get("/users/me").await.must_be(200);
}

#[tokio::test]
async fn a_blacklisted_token_or_session_is_revoked() {
    let world = World::new().await;
    let (by_token, by_session, other) = (world.somebody(), world.somebody(), world.somebody());
    world
        .redis
        .set(
            &format!("token:blacklist:{}", crypto::sha256_hex(by_token.token.as_bytes())),
            "1",
        )
        .await;
    world
        .redis
        .set(&format!("token:blacklist:sid:{}", by_session.sid), "1")
        .await;
    by_token.api.get("/users/me").await.expect_problem(401, "TOKEN_REVOKED");
    by_session
        .api
        .get("/users/me")
        .await
        .expect_problem(401, "TOKEN_REVOKED");
    other.api.get("/users/me").await.must_be(200);
    assert_eq!(world.upstream.requests().len(), 1);
}
