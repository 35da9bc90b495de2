use crate::helpers::{CLIENT_ADDRESS, Person, Tokens, USER_AGENT, World, fields};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What the login history says, oldest first.
async fn history(world: &World, user: Uuid) -> Vec<(bool, Option<String>)> {
    sqlx::query_as("SELECT success, failure_reason FROM user_service.login_history WHERE user_id = $1 ORDER BY id")
        .bind(user)
        .fetch_all(&world.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_right_password_begins_a_session() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let id = world.register(&buyer).await;
    let pair = world.try_login("BUYER@example.com", &buyer.password).await.expect(200);
    assert_eq!(pair["tokenType"], "Bearer");
    assert_eq!(pair["expiresIn"], 3600);

    let tokens = Tokens::of(&pair);
    let claims = tokens.claims();
    assert_eq!(claims["sub"], id.to_string());
    assert_eq!(claims["role"], "USER");
    assert_eq!(claims["typ"], "access");
    assert_eq!(claims["iss"], "ticket-queue");
    assert_eq!(claims["aud"], "ticket-queue-api");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 9, "and nothing else, least of all personal data: {claims}");

    let week = Duration::from_secs(7 * 24 * 3600).as_secs_f64();
    let (session, seconds): (Uuid, f64) = sqlx::query_as(
        "SELECT family_id, EXTRACT(EPOCH FROM expires_at - created_at)::float8 FROM user_service.auth_tokens",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(session, tokens.session());
    assert!((seconds - week).abs() < 1.0, "{seconds}");
}

#[tokio::test]
async fn each_login_is_a_session_of_its_own() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let (first, second) = (world.login(&buyer).await, world.login(&buyer).await);
    assert_ne!(first.session(), second.session());
    let _pair = world.refresh(&first.refresh).await.expect(200);
    let _pair = world.refresh(&second.refresh).await.expect(200);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_get_the_same_answer() {
    let world = World::start().await;
    let id = world.register(&Person::buyer()).await;
    let wrong = world.try_login("buyer@example.com", "Passw0rd?").await;
    let unknown = world.try_login("nobody@example.com", "Passw0rd!").await;

    let names = |reply: &test_support::Reply| {
        let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&wrong), names(&unknown));
    assert_eq!(wrong.header("content-length"), unknown.header("content-length"));
    let plain = |reply: test_support::Reply| {
        let mut problem = reply.expect_problem(401, "INVALID_CREDENTIALS");
        problem["requestId"] = Value::Null;
        problem
    };
    assert_eq!(plain(wrong), plain(unknown));

    for status in ["DORMANT", "LOCKED"] {
        world.set_status(id, status).await;
        let wrong = world.try_login("buyer@example.com", "Passw0rd?").await;
        wrong.expect_problem(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn an_unknown_email_costs_a_password_check_too() {
    let world = World::start_with(&[("BCRYPT_COST", "11")]).await;
    // A busy machine only makes it slower: the quickest of a few says what is done at least, and nothing but bcrypt takes
    // that long.
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let reply = world.try_login("nobody@example.com", "Passw0rd?").await;
        quickest = quickest.min(begun.elapsed());
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    assert!(quickest > Duration::from_millis(25), "{quickest:?}");
}

#[tokio::test]
async fn a_dormant_or_locked_account_is_told_to_who_knows_the_password() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let id = world.register(&buyer).await;
    for (status, reply, code) in [("DORMANT", 403, "ACCOUNT_DORMANT"), ("LOCKED", 423, "ACCOUNT_LOCKED")] {
        world.set_status(id, status).await;
        let wrong = world.try_login(&buyer.email, "Passw0rd?").await;
        wrong.expect_problem(401, "INVALID_CREDENTIALS");
        let right = world.try_login(&buyer.email, &buyer.password).await;
        right.expect_problem(reply, code);
    }
    assert_eq!(world.count("SELECT count(*) FROM user_service.auth_tokens").await, 0);

    world.set_status(id, "ACTIVE").await;
    world.login(&buyer).await;
    let failed = |reason: &str| (false, Some(reason.to_owned()));
    assert_eq!(
        history(&world, id).await,
        [
            failed("INVALID_CREDENTIALS"),
            failed("ACCOUNT_DORMANT"),
            failed("INVALID_CREDENTIALS"),
            failed("ACCOUNT_LOCKED"),
            (true, None),
        ]
    );
}

#[tokio::test]
async fn an_attempt_is_remembered_with_its_origin() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let id = world.register(&buyer).await;
    world.login(&buyer).await;
    let (user, address, agent, method, at): (Uuid, String, String, String, DateTime<Utc>) = sqlx::query_as(
        "SELECT user_id, ip_address, user_agent, login_method, created_at FROM user_service.login_history",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(user, id);
    assert_eq!((address.as_str(), agent.as_str()), (CLIENT_ADDRESS, USER_AGENT));
    assert_eq!(method, "EMAIL");
    let last: DateTime<Utc> = sqlx::query_scalar("SELECT last_login_at FROM user_service.users")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!((last - at).num_seconds() < 5);
}

#[tokio::test]
async fn a_login_from_an_odd_client_is_a_login() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let odd = world
        .api
        .with_header("x-client-address", "not an address")
        .with_header("user-agent", &"x".repeat(4000));
    let body = json!({ "email": buyer.email, "password": buyer.password, "captchaToken": world.captcha() });
    let _pair = odd.post("/auth/login", &body).await.expect(200);
    let (address, length): (Option<String>, i32) =
        sqlx::query_as("SELECT ip_address, length(user_agent) FROM user_service.login_history")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!((address, length), (None, 300));
}

#[tokio::test]
async fn a_text_that_bcrypt_would_read_as_the_password_is_not_the_password() {
    let world = World::start().await;
    let longest = Person {
        password: format!("Aa1!{}", "x".repeat(68)),
        ..Person::buyer()
    };
    world.register(&longest).await;
    world.register(&Person::numbered(2)).await;
    for (number, (email, password)) in [
        (&*longest.email, format!("{}more", longest.password)),
        ("person2@example.com", "Passw0rd!\0Passw0rd!".to_owned()),
        ("person2@example.com", "Passw0rd!\0".to_owned()),
        ("person2@example.com", "passw0rd!".to_owned()),
        ("person2@example.com", " Passw0rd!".to_owned()),
        ("person2@example.com", String::new()),
        ("person2@example.com", "x".repeat(50_000)),
    ]
    .into_iter()
    .enumerate()
    {
        // From many addresses, since one has only a few tries.
        let reply = world
            .try_login_from(&format!("198.51.100.{number}"), email, &password)
            .await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    world.login(&longest).await;
}

#[tokio::test]
async fn a_login_needs_a_fresh_captcha() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let mut body = json!({ "email": buyer.email, "password": buyer.password, "captchaToken": world.captcha() });
    let _pair = world.api.post("/auth/login", &body).await.expect(200);
    let again = world.api.post("/auth/login", &body).await;
    again.expect_problem(400, "CAPTCHA_FAILED");
    body["captchaToken"] = json!("sim-fail-invalid-input-response");
    let failed = world.api.post("/auth/login", &body).await;
    failed.expect_problem(400, "CAPTCHA_FAILED");
}

#[tokio::test]
async fn a_login_with_bad_fields_is_refused() {
    let world = World::start().await;
    let good = json!({ "email": "buyer@example.com", "password": "Passw0rd!", "captchaToken": "sim-pass-x" });
    for (field, value) in [
        ("email", json!("no address")),
        ("email", json!(["buyer@example.com"])),
        ("password", json!({ "$ne": "" })),
        ("captchaToken", Value::Null),
        ("remember", json!(true)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let reply = world.api.post("/auth/login", &body).await;
        let problem = reply.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(fields(&problem), [field]);
    }
}
