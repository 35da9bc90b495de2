use crate::helpers::{Person, World, fields};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use test_support::{Api, Reply};
use tokio::task::JoinSet;
use uuid::Uuid;

async fn delete(owner: &Api, body: &Value) -> Reply {
    owner.call(Method::DELETE, "/users/me", Some(body)).await
}

async fn delete_buyer(world: &World, user: Uuid) {
    let reply = delete(
        &world.api.as_user(user),
        &json!({ "password": Person::buyer().password }),
    )
    .await;
    assert_eq!(reply.expect(204), Value::Null);
}

/// As if the account had been deleted so many days earlier.
async fn days_pass_since_deletion(world: &World, user: Uuid, days: f64) {
    let changed =
        sqlx::query("UPDATE user_service.users SET deleted_at = deleted_at - make_interval(secs => $2) WHERE id = $1")
            .bind(user)
            .bind(days * 86_400.0)
            .execute(&world.db)
            .await
            .unwrap();
    assert_eq!(changed.rows_affected(), 1);
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_of_its_person_but_the_hashed_ci() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, tokens) = world.signed_in_buyer().await;
    let other_session = world.login(&buyer).await;
    delete_buyer(&world, user).await;

    for tokens in [tokens, other_session] {
        let reply = world.refresh(&tokens.refresh).await;
        reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
        assert!(world.session_blacklisted_for(tokens.session()).await.is_some());
    }
    let again = world.try_login(&buyer.email, &buyer.password).await;
    again.expect_problem(401, "INVALID_CREDENTIALS");
    let me = world.api.as_user(user).get("/users/me").await;
    me.expect_problem(404, "NOT_FOUND");

    let row: String = sqlx::query_scalar(
        "SELECT row_to_json(u)::jsonb - ARRAY['created_at', 'updated_at', 'last_login_at', 'deleted_at'] #>> '{}'
         FROM user_service.users u WHERE id = $1",
    )
    .bind(user)
    .fetch_one(&world.db)
    .await
    .unwrap();
    let row: Value = serde_json::from_str(&row).unwrap();
    let kept: Vec<&str> = row
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(kept, ["ci_hash", "id", "role", "status"]);
    let traces =
        "SELECT count(*) FROM user_service.login_history WHERE ip_address IS NOT NULL OR user_agent IS NOT NULL";
    assert_eq!(world.count(traces).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM user_service.login_history").await, 2);
    assert_eq!(
        world.count("SELECT count(*) FROM user_service.terms_agreements").await,
        3
    );

    // The address is free for somebody else at once.
    let heir = Person {
        email: buyer.email,
        ..Person::numbered(2)
    };
    world.register(&heir).await;
}

#[tokio::test]
async fn a_wrong_password_deletes_nothing_and_counts_like_a_bad_login() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, _) = world.signed_in_buyer().await;
    let owner = world.api.as_user(user);
    for _ in 0..5 {
        let reply = delete(&owner, &json!({ "password": "Passw0rd?" })).await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    let right = delete(&owner, &json!({ "password": buyer.password })).await;
    right.expect_problem(423, "ACCOUNT_LOCKED");
    let login = world.try_login(&buyer.email, &buyer.password).await;
    login.expect_problem(423, "ACCOUNT_LOCKED");
    assert_eq!(world.status_of(user).await, "ACTIVE");
}

#[tokio::test]
async fn the_owner_must_be_shown_by_what_the_account_has() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    let owner = world.api.as_user(user);
    for (body, field) in [
        (json!({}), "password"),
        (json!({ "confirm": true }), "password"),
        (json!({ "confirm": false }), "confirm"),
        (json!({ "password": "Passw0rd!", "confirm": false }), "confirm"),
        (json!({ "password": "Passw0rd!", "user": user }), "user"),
    ] {
        let problem = delete(&owner, &body).await.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(fields(&problem), [field], "{body}");
    }
    assert_eq!(world.status_of(user).await, "ACTIVE");

    // As an account has it that came from a social login.
    world
        .execute("UPDATE user_service.users SET password_hash = NULL")
        .await;
    let problem = delete(&owner, &json!({ "password": "Passw0rd!" })).await;
    let problem = problem.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(fields(&problem), ["password"]);
    assert_eq!(
        delete(&owner, &json!({ "confirm": true })).await.expect(204),
        Value::Null
    );
    assert_eq!(world.status_of(user).await, "DELETED");
}

#[tokio::test]
async fn deleting_again_is_no_error_and_nobody_deletes_what_is_locked() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    world.set_status(user, "LOCKED").await;
    let body = json!({ "password": "Passw0rd!" });
    delete(&world.api.as_user(user), &body)
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    world.set_status(user, "ACTIVE").await;
    delete_buyer(&world, user).await;
    delete_buyer(&world, user).await;
    let stranger = world.api.as_user(Uuid::now_v7());
    delete(&stranger, &body).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_person_returns_after_thirty_days_and_not_before() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let first = world.register(&buyer).await;
    delete_buyer(&world, first).await;
    let early = |days| {
        let (world, buyer) = (&world, &buyer);
        async move {
            days_pass_since_deletion(world, first, days).await;
            let body = world.registration(buyer).await;
            world.api.post("/auth/register", &body).await
        }
    };
    early(0.0).await.expect_problem(409, "IDENTITY_TAKEN");
    early(29.9).await.expect_problem(409, "IDENTITY_TAKEN");
    let second: Uuid = early(0.2).await.expect(201)["userId"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_ne!(first, second);
    let _tokens = world.login(&buyer).await;
    // Only one account of the person's has the hash, and the deleted one keeps nothing at all.
    let hashes = "SELECT count(*) FROM user_service.users WHERE ci_hash IS NOT NULL";
    assert_eq!(world.count(hashes).await, 1);
    delete_buyer(&world, second).await;
    early(0.0).await.expect_problem(409, "IDENTITY_TAKEN");
}

#[tokio::test]
async fn the_hashed_ci_of_who_does_not_return_goes_as_well() {
    let world = World::start_with(&[
        ("ACCOUNT_PURGE_INTERVAL_SECONDS", "0.05"),
        ("REJOIN_AFTER_SECONDS", "0.5"),
    ])
    .await;
    let user = world.register(&Person::buyer()).await;
    delete_buyer(&world, user).await;
    let hashes = "SELECT count(*) FROM user_service.users WHERE ci_hash IS NOT NULL";
    test_support::eventually("the hash is gone", std::time::Duration::from_secs(20), || async {
        (world.count(hashes).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn of_many_returns_at_once_one_succeeds() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let user = world.register(&buyer).await;
    delete_buyer(&world, user).await;
    days_pass_since_deletion(&world, user, 31.0).await;
    let mut bodies = Vec::new();
    for number in 0..8 {
        let person = Person {
            ci: buyer.ci.clone(),
            ..Person::numbered(number)
        };
        bodies.push(world.registration(&person).await);
    }
    let mut racers = JoinSet::new();
    for body in bodies {
        let api = world.api.clone();
        racers.spawn(async move { api.post("/auth/register", &body).await });
    }
    let mut outcomes = BTreeMap::new();
    for reply in racers.join_all().await {
        let code = reply.body["code"].as_str().unwrap_or_default().to_owned();
        *outcomes.entry((reply.status.as_u16(), code)).or_default() += 1;
    }
    let expected = BTreeMap::from([((201, String::new()), 1), ((409, "IDENTITY_TAKEN".to_owned()), 7)]);
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn no_session_outlives_its_account_whoever_signs_in_meanwhile() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, tokens) = world.signed_in_buyer().await;
    let right = json!({ "password": buyer.password });
    let owner = world.api.as_user(user);
    let (first, second, login, refreshed, changed) = tokio::join!(
        delete(&owner, &right),
        delete(&owner, &right),
        world.try_login(&buyer.email, &buyer.password),
        world.refresh(&tokens.refresh),
        async { owner.put("/users/me", &json!({ "name": "김영희" })).await },
    );
    // Both are right; the slower one may have looked at the account just when it went.
    assert!([&first, &second].iter().any(|reply| reply.status == 204));
    assert!(
        [first, second]
            .iter()
            .all(|reply| [204, 401].contains(&reply.status.as_u16()))
    );
    assert!([200, 401].contains(&login.status.as_u16()), "{login:?}");
    assert!([200, 401].contains(&refreshed.status.as_u16()), "{refreshed:?}");
    assert!([200, 404].contains(&changed.status.as_u16()), "{changed:?}");
    let live = "SELECT count(*) FROM user_service.auth_tokens WHERE state = 'ACTIVE'";
    assert_eq!(world.count(live).await, 0);
    let traces = "SELECT count(*) FROM user_service.login_history WHERE ip_address IS NOT NULL";
    assert_eq!(world.count(traces).await, 0);
}
