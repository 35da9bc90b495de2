use crate::helpers::{Person, Tokens, World, fields};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Refreshes with a token that is expected to be good.
async fn rotate(world: &World, tokens: &Tokens) -> Tokens {
    Tokens::of(&world.refresh(&tokens.refresh).await.expect(200))
}

async fn refused(world: &World, tokens: &Tokens, code: &str) {
    world.refresh(&tokens.refresh).await.expect_problem(401, code);
}

#[tokio::test]
async fn a_refresh_token_is_replaced_by_its_successor_in_the_same_session() {
    let world = World::start().await;
    let (user, first) = world.signed_in_buyer().await;
    let second = rotate(&world, &first).await;
    assert_ne!(first.refresh, second.refresh);
    assert_ne!(first.access, second.access);
    assert_eq!(first.session(), second.session());
    assert_eq!(second.claims()["sub"], user.to_string());
    assert_eq!(second.claims()["role"], "USER");
    let third = rotate(&world, &second).await;
    rotate(&world, &third).await;
}

#[tokio::test]
async fn the_predecessor_within_the_grace_is_refused_and_the_session_lives() {
    let world = World::start().await;
    let (_, first) = world.signed_in_buyer().await;
    let second = rotate(&world, &first).await;
    refused(&world, &first, "REFRESH_TOKEN_INVALID").await;
    refused(&world, &first, "REFRESH_TOKEN_INVALID").await;
    assert_eq!(world.session_blacklisted_for(first.session()).await, None);
    rotate(&world, &second).await;
}

#[tokio::test]
async fn the_predecessor_after_the_grace_ends_the_session() {
    let world = World::start_with(&[("REFRESH_REUSE_GRACE_SECONDS", "0.2")]).await;
    let (_, first) = world.signed_in_buyer().await;
    let second = rotate(&world, &first).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    refused(&world, &first, "REFRESH_TOKEN_REUSED").await;
    refused(&world, &second, "REFRESH_TOKEN_INVALID").await;
    let seconds = world.session_blacklisted_for(first.session()).await.unwrap();
    assert!((3590..=3660).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn an_older_ancestor_ends_the_session_at_once() {
    let world = World::start().await;
    let (_, first) = world.signed_in_buyer().await;
    let second = rotate(&world, &first).await;
    let third = rotate(&world, &second).await;
    refused(&world, &first, "REFRESH_TOKEN_REUSED").await;
    refused(&world, &third, "REFRESH_TOKEN_INVALID").await;
    assert!(world.session_blacklisted_for(first.session()).await.is_some());
}

#[tokio::test]
async fn a_stolen_token_ends_its_own_session_only() {
    let world = World::start().await;
    let (_, stolen) = world.signed_in_buyer().await;
    let other = world.login(&Person::buyer()).await;
    let second = rotate(&world, &stolen).await;
    rotate(&world, &second).await;
    refused(&world, &stolen, "REFRESH_TOKEN_REUSED").await;
    assert_eq!(world.session_blacklisted_for(other.session()).await, None);
    rotate(&world, &other).await;
}

#[tokio::test]
async fn an_expired_refresh_token_is_refused_and_is_no_theft() {
    let world = World::start_with(&[("REFRESH_TOKEN_TTL_SECONDS", "0.2")]).await;
    let (_, first) = world.signed_in_buyer().await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    refused(&world, &first, "REFRESH_TOKEN_INVALID").await;
    assert_eq!(world.session_blacklisted_for(first.session()).await, None);
}

#[tokio::test]
async fn of_fifty_refreshes_at_once_one_wins_and_the_session_lives() {
    // However long the fifty take.
    let world = World::start_with(&[("REFRESH_REUSE_GRACE_SECONDS", "600")]).await;
    let (_, first) = world.signed_in_buyer().await;
    let mut racers = JoinSet::new();
    for _ in 0..50 {
        let (api, body) = (world.api.clone(), json!({ "refreshToken": first.refresh }));
        racers.spawn(async move { api.post("/auth/refresh", &body).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = racers
        .join_all()
        .await
        .into_iter()
        .partition(|reply| reply.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 49));
    for reply in lost {
        reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
    }
    let live = "SELECT count(*) FROM user_service.auth_tokens WHERE state = 'ACTIVE'";
    assert_eq!(world.count(live).await, 1);
    assert_eq!(world.session_blacklisted_for(first.session()).await, None);
    rotate(&world, &Tokens::of(&won[0].body)).await;
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let world = World::start().await;
    let (_, tokens) = world.signed_in_buyer().await;
    let hash: String = sqlx::query_scalar("SELECT encode(token_hash, 'hex') FROM user_service.auth_tokens")
        .fetch_one(&world.db)
        .await
        .unwrap();
    for token in [
        "",
        "rt_unknown",
        "\0",
        &tokens.access,
        &hash,
        &tokens.refresh.to_uppercase(),
    ] {
        let reply = world.refresh(token).await;
        reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
    }
    rotate(&world, &tokens).await;
}

#[tokio::test]
async fn an_account_that_may_not_sign_in_may_not_refresh() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    for status in ["DORMANT", "LOCKED"] {
        world.set_status(user, status).await;
        refused(&world, &tokens, "REFRESH_TOKEN_INVALID").await;
    }
}

#[tokio::test]
async fn a_new_access_token_has_the_role_of_now() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    sqlx::query("UPDATE user_service.users SET role = 'ADMIN' WHERE id = $1")
        .bind(user)
        .execute(&world.db)
        .await
        .unwrap();
    assert_eq!(rotate(&world, &tokens).await.claims()["role"], "ADMIN");
}

#[tokio::test]
async fn a_refresh_with_bad_fields_is_refused() {
    let world = World::start().await;
    for (body, field) in [
        (json!({ "refreshToken": 7 }), "refreshToken"),
        (json!({ "refreshToken": "x", "userId": Uuid::nil() }), "userId"),
    ] {
        let reply = world.api.post("/auth/refresh", &body).await;
        let problem = reply.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(fields(&problem), [field]);
    }
    let empty = world.api.post("/auth/refresh", &json!({})).await;
    empty.expect_problem(400, "VALIDATION_FAILED");
}
