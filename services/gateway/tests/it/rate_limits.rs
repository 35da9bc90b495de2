use crate::helpers::{MustBe, World};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_limit_of_an_address_ends_in_429_with_the_time_to_wait() {
    let world = World::new().await;
    let login = json!({"email": "a@b.c", "password": "x", "captchaToken": "x"});
    for left in (0..10).rev() {
        let reply = world.anybody().post("/auth/login", &login).await;
        assert_eq!(reply.header("ratelimit-limit"), Some("10"));
        assert_eq!(reply.header("ratelimit-remaining"), Some(left.to_string().as_str()));
        assert_eq!(reply.header("ratelimit-policy"), Some("\"login\";q=10;w=60"));
        reply.must_be(200);
    }
    let reply = world.anybody().post("/auth/login", &login).await;
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait), "one request is earned back in 6 s, not {wait}");
    assert_eq!(reply.header("ratelimit-remaining"), Some("0"));
    reply.expect_problem(429, "RATE_LIMITED");
    assert_eq!(world.upstream.requests().len(), 10);
    world.anybody().get("/events").await.must_be(200);
}

#[tokio::test]
async fn who_waits_as_long_as_it_is_told_gets_through() {
    let world = World::with(&[("RATE_LIMIT_PUBLIC_READ", "60/ip")]).await;
    let wait = loop {
        let reply = world.anybody().get("/events").await;
        if let Some(wait) = reply.header("retry-after") {
            break wait.parse().unwrap();
        }
        reply.must_be(200);
    };
    tokio::time::sleep(Duration::from_secs(wait)).await;
    world.anybody().get("/events").await.must_be(200);
}

#[tokio::test]
async fn users_have_limits_of_their_own() {
    let world = World::with(&[("RATE_LIMIT_QUEUE_STATUS", "3/user")]).await;
    let (one, other) = (world.somebody(), world.somebody());
    for _ in 0..3 {
        one.api.get("/queue/status").await.must_be(200);
    }
    one.api.get("/queue/status").await.expect_problem(429, "RATE_LIMITED");
    other.api.get("/queue/status").await.must_be(200);
    one.api.get("/users/me").await.must_be(200);
}

#[tokio::test]
async fn writes_of_reservations_count_for_the_user_and_the_address() {
    let world = World::with(&[("RATE_LIMIT_RESERVATION_WRITE", "2/user 3/ip")]).await;
    let (one, other) = (world.somebody(), world.somebody());
    for _ in 0..2 {
        one.api.delete("/reservations/1").await.must_be(200);
    }
    one.api
        .delete("/reservations/1")
        .await
        .expect_problem(429, "RATE_LIMITED");
    other
        .api
        .delete("/reservations/1")
        .await
        .expect_problem(429, "RATE_LIMITED");
    let keys = world.redis.keys().await;
    assert!(
        keys.contains(&"ratelimit:reservation-write:ip:127.0.0.1".to_owned()),
        "{keys:?}"
    );
    assert!(
        keys.contains(&format!("ratelimit:reservation-write:user:{}", one.id)),
        "{keys:?}"
    );
}

#[tokio::test]
async fn an_allowed_network_has_no_limit_per_address() {
    let settings = [
        ("RATE_LIMIT_PUBLIC_READ", "1/ip"),
        ("RATE_LIMIT_ALLOW_CIDRS", "127.0.0.0/8"),
    ];
    let world = World::with(&settings).await;
    for _ in 0..3 {
        world.anybody().get("/events").await.must_be(200);
    }
}

#[tokio::test]
async fn bad_tokens_count_against_the_address_and_missing_ones_do_not() {
    let world = World::with(&[("RATE_LIMIT_AUTH_FAILURE", "2/ip")]).await;
    for _ in 0..4 {
        world
            .anybody()
            .get("/users/me")
            .await
            .expect_problem(401, "UNAUTHENTICATED");
    }
    for _ in 0..2 {
        world
            .anybody()
            .with_token("a.b.c")
            .get("/users/me")
            .await
            .expect_problem(401, "UNAUTHENTICATED");
    }
    let reply = world.anybody().with_token("a.b.c").get("/users/me").await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(429, "RATE_LIMITED");
    world.somebody().api.get("/users/me").await.must_be(200);
}

#[tokio::test]
async fn the_load_test_profile_puts_limits_out_of_reach() {
    let world = World::with(&[("RATE_LIMIT_PROFILE", "loadtest")]).await;
    for _ in 0..30 {
        world.anybody().post("/auth/login", &json!({})).await.must_be(200);
    }
}

#[tokio::test]
async fn a_forgotten_script_is_loaded_again() {
    let world = World::new().await;
    world.redis.command("SCRIPT", &["FLUSH"]).await;
    let reply = world.anybody().get("/events").await;
    assert_eq!(reply.header("ratelimit-remaining"), Some("299"));
    reply.must_be(200);
}

#[tokio::test]
async fn replicas_count_together_and_never_grant_more_than_the_limit() {
    let world = World::with(&[("RATE_LIMIT_PUBLIC_READ", "30/ip")]).await;
    let other = world.replica().await;
    let doors = [world.anybody(), test_support::Api::new(&other.url())];
    let calls = (0..60).map(|number| {
        let api = doors[number % doors.len()].clone();
        async move { api.get("/events").await.status.as_u16() }
    });
    let started = std::time::Instant::now();
    let statuses = futures_util::future::join_all(calls).await;
    // One is earned back in two seconds, which may have passed on a busy machine.
    let earned = usize::try_from(started.elapsed().as_secs() / 2 + 1).unwrap();
    let served = statuses.iter().filter(|status| **status == 200).count();
    assert!((30..=30 + earned).contains(&served), "{served} served: {statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 429)),
        "{statuses:?}"
    );
}
