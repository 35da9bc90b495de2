use crate::helpers::{Person, Tokens, World, fields};
use serde_json::{Value, json};
use test_support::{Api, Reply};
use uuid::Uuid;

const NEW: &str = "N3w-passw0rd";

async fn change(owner: &Api, current: &str, new: &str) -> Reply {
    let body = json!({ "currentPassword": current, "newPassword": new });
    owner.put("/users/me/password", &body).await
}

async fn dead(world: &World, tokens: &Tokens) {
    let reply = world.refresh(&tokens.refresh).await;
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
    assert!(world.session_blacklisted_for(tokens.session()).await.is_some());
}

async fn alive(world: &World, tokens: &Tokens) {
    assert_eq!(world.session_blacklisted_for(tokens.session()).await, None);
    let _pair = world.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_but_the_one_that_asked() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, mine) = world.signed_in_buyer().await;
    let others = [world.login(&buyer).await, world.login(&buyer).await];
    world.register(&Person::numbered(2)).await;
    let strangers = world.login(&Person::numbered(2)).await;

    let reply = change(&world.as_owner(user, &mine), &buyer.password, NEW).await;
    assert_eq!(reply.expect(204), Value::Null);
    for other in &others {
        dead(&world, other).await;
    }
    alive(&world, &mine).await;
    alive(&world, &strangers).await;

    let old = world.try_login(&buyer.email, &buyer.password).await;
    old.expect_problem(401, "INVALID_CREDENTIALS");
    let _pair = world.try_login(&buyer.email, NEW).await.expect(200);
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing_and_counts_like_a_bad_login() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, tokens) = world.signed_in_buyer().await;
    let owner = world.as_owner(user, &tokens);
    for _ in 0..5 {
        let reply = change(&owner, "Passw0rd?", NEW).await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    for reply in [
        change(&owner, &buyer.password, NEW).await,
        world.try_login(&buyer.email, &buyer.password).await,
    ] {
        assert!(reply.header("retry-after").is_some());
        reply.expect_problem(423, "ACCOUNT_LOCKED");
    }
    let elsewhere = world
        .try_login_from("198.51.100.1", &buyer.email, &buyer.password)
        .await;
    let _pair = elsewhere.expect(200);
    alive(&world, &tokens).await;
}

#[tokio::test]
async fn the_right_current_password_counts_for_nothing() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let owner = world.as_owner(user, &tokens);
    let mut current = Person::buyer().password;
    for number in 0..6 {
        let same = change(&owner, &current, &current).await;
        assert_eq!(fields(&same.expect_problem(400, "VALIDATION_FAILED")), ["newPassword"]);
        let next = format!("{NEW}{number}");
        let _done = change(&owner, &current, &next).await.expect(204);
        current = next;
    }
    assert_eq!(
        world
            .count("SELECT max(failures)::bigint FROM user_service.login_failures")
            .await,
        0
    );
}

#[tokio::test]
async fn a_new_password_meets_the_rules() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let owner = world.as_owner(user, &tokens);
    let long = format!("Aa1!{}", "x".repeat(69));
    for weak in ["", "Sh0rt!", "nodigits!", "12345678!", "N0special", &long] {
        let problem = change(&owner, &Person::buyer().password, weak)
            .await
            .expect_problem(400, "WEAK_PASSWORD");
        assert_eq!(fields(&problem), ["newPassword"]);
    }
    for (body, field) in [
        (json!({ "currentPassword": 7, "newPassword": NEW }), "currentPassword"),
        (
            json!({ "currentPassword": "x", "newPassword": NEW, "role": "ADMIN" }),
            "role",
        ),
    ] {
        let problem = owner.put("/users/me/password", &body).await;
        assert_eq!(fields(&problem.expect_problem(400, "VALIDATION_FAILED")), [field]);
    }
    alive(&world, &tokens).await;
}

#[tokio::test]
async fn an_account_without_a_password_is_told_how_to_get_one() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    world
        .execute("UPDATE user_service.users SET password_hash = NULL")
        .await;
    let problem = change(&world.as_owner(user, &tokens), "Passw0rd!", NEW)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(fields(&problem), ["currentPassword"]);
}

#[tokio::test]
async fn only_the_owner_of_a_living_account_changes_its_password() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, tokens) = world.signed_in_buyer().await;
    let nobody = change(&world.api.with_token(&tokens.access), &buyer.password, NEW).await;
    nobody.expect_problem(401, "UNAUTHENTICATED");
    for pretender in [
        world.as_owner(Uuid::now_v7(), &tokens),
        world.api.as_user(user),
        world.api.as_user(user).with_token("a.b.c"),
    ] {
        let reply = change(&pretender, &buyer.password, NEW).await;
        reply.expect_problem(401, "UNAUTHENTICATED");
    }
    for status in ["DORMANT", "LOCKED"] {
        world.set_status(user, status).await;
        let reply = change(&world.as_owner(user, &tokens), &buyer.password, NEW).await;
        reply.expect_problem(401, "UNAUTHENTICATED");
    }
    world.set_status(user, "ACTIVE").await;
    world.login(&buyer).await;
}
