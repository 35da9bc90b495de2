//! Too many bad passwords (`design.md` §3.1).

use crate::helpers::{CLIENT_ADDRESS, Person, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use test_support::{Api, Login, Reply, Running};
use user_service::{Config, build};

const ELSEWHERE: &str = "198.51.100.20";
const WRONG: &str = "Passw0rd?";

async fn fail(world: &World, email: &str, times: usize) {
    for _ in 0..times {
        let reply = world.try_login(email, WRONG).await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
}

/// All of a reply that must not depend on whether there is such an account.
fn outside(reply: Reply) -> (Vec<String>, Option<String>, Value) {
    let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
    names.sort();
    let length = reply.header("content-length").map(str::to_owned);
    let mut problem = reply.expect_problem(423, "ACCOUNT_LOCKED");
    problem["requestId"] = Value::Null;
    (names, length, problem)
}

fn wait_of(reply: &Reply) -> u64 {
    reply.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test]
async fn five_bad_passwords_stop_an_address_for_that_email_and_nobody_else() {
    let world = World::start().await;
    let (buyer, other) = (Person::buyer(), Person::numbered(2));
    world.register(&buyer).await;
    world.register(&other).await;

    fail(&world, &buyer.email, 5).await;
    // Not even the right password lets in now, however the email is written.
    let stopped = world.try_login("BUYER@example.com", &buyer.password).await;
    assert!((890..=901).contains(&wait_of(&stopped)), "{}", wait_of(&stopped));
    fail(&world, "nobody@example.com", 5).await;
    let unknown = world.try_login("nobody@example.com", &buyer.password).await;
    assert_eq!(outside(stopped), outside(unknown));

    world.login(&other).await;
    let elsewhere = world.try_login_from(ELSEWHERE, &buyer.email, &buyer.password).await;
    let _pair = elsewhere.expect(200);
    // That one's success is none of ours.
    let reply = world.try_login(&buyer.email, &buyer.password).await;
    reply.expect_problem(423, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn the_right_password_in_between_lets_the_address_begin_anew() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    for _ in 0..2 {
        fail(&world, &buyer.email, 4).await;
        world.login(&buyer).await;
    }
    fail(&world, &buyer.email, 5).await;
    let reply = world.try_login(&buyer.email, &buyer.password).await;
    reply.expect_problem(423, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn a_stop_ends_and_the_count_begins_anew() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    fail(&world, &buyer.email, 5).await;
    // Who keeps trying makes it no longer.
    let first = world.try_login(&buyer.email, WRONG).await;
    let later = world.try_login(&buyer.email, WRONG).await;
    assert!(wait_of(&later) <= wait_of(&first));
    later.expect_problem(423, "ACCOUNT_LOCKED");

    let passed = "UPDATE user_service.login_failures SET expires_at = clock_timestamp() WHERE failures = 5 AND \
                  expires_at < clock_timestamp() + interval '16 minutes'";
    assert_eq!(world.execute(passed).await, 1);
    fail(&world, &buyer.email, 4).await;
    world.login(&buyer).await;
}

#[tokio::test]
async fn guesses_at_once_are_no_more_than_guesses_one_after_the_other() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let attempts = (0..20).map(|_| world.try_login(&buyer.email, WRONG));
    let mut judged = BTreeMap::new();
    for reply in futures_util::future::join_all(attempts).await {
        *judged.entry(reply.status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(judged, BTreeMap::from([(401, 5), (423, 15)]));
}

#[tokio::test]
async fn too_many_bad_passwords_from_anywhere_stop_the_account_for_a_day() {
    let world = World::start_with(&[("LOGIN_FAILURES_PER_ACCOUNT", "7")]).await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    world.login(&buyer).await;
    for email in [&buyer.email, "nobody@example.com"] {
        for address in 0..7 {
            let reply = world
                .try_login_from(&format!("198.51.100.{address}"), email, WRONG)
                .await;
            reply.expect_problem(401, "INVALID_CREDENTIALS");
        }
    }
    let stopped = world.try_login_from(ELSEWHERE, &buyer.email, &buyer.password).await;
    assert!((86_300..=86_401).contains(&wait_of(&stopped)), "{}", wait_of(&stopped));
    let unknown = world
        .try_login_from(ELSEWHERE, "nobody@example.com", &buyer.password)
        .await;
    assert_eq!(outside(stopped), outside(unknown));
}

#[tokio::test]
async fn right_passwords_count_for_nothing_and_forgive_nothing_to_others() {
    let world = World::start_with(&[("LOGIN_FAILURES_PER_ACCOUNT", "6")]).await;
    let buyer = Person::buyer();
    let user = world.register(&buyer).await;
    for status in ["DORMANT", "LOCKED", "ACTIVE"] {
        world.set_status(user, status).await;
        for _ in 0..7 {
            let reply = world.try_login(&buyer.email, &buyer.password).await;
            assert!(reply.header("retry-after").is_none());
            assert_ne!(reply.status, 401);
        }
    }
    for address in 0..6 {
        let reply = world
            .try_login_from(&format!("198.51.100.{address}"), &buyer.email, WRONG)
            .await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
        if address < 5 {
            world.login(&buyer).await;
        }
    }
    let reply = world.try_login(&buyer.email, &buyer.password).await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(423, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn every_replica_counts_together_and_no_loss_of_redis_forgets() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let config = Config::from_env(&world.env.env(Some(Login::User))).unwrap();
    let replica = Running::start(build(config).await.unwrap());
    let other = Api::as_gateway(&replica.url()).with_header("x-client-address", CLIENT_ADDRESS);
    let body = |password: &str| json!({ "email": buyer.email, "password": password, "captchaToken": world.captcha() });

    fail(&world, &buyer.email, 3).await;
    for _ in 0..2 {
        let reply = other.post("/auth/login", &body(WRONG)).await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut world.redis().await)
        .await
        .unwrap();
    for reply in [
        world.try_login(&buyer.email, &buyer.password).await,
        other.post("/auth/login", &body(&buyer.password)).await,
    ] {
        reply.expect_problem(423, "ACCOUNT_LOCKED");
    }
}

#[tokio::test]
async fn a_customers_ipv6_network_is_one_address() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    for host in 0..5 {
        let reply = world
            .try_login_from(&format!("2001:db8:1:2::{host}"), &buyer.email, WRONG)
            .await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    let neighbour = world
        .try_login_from("2001:db8:1:2:ffff::", &buyer.email, &buyer.password)
        .await;
    neighbour.expect_problem(423, "ACCOUNT_LOCKED");
    let stranger = world
        .try_login_from("2001:db8:1:3::", &buyer.email, &buyer.password)
        .await;
    let _pair = stranger.expect(200);
}

#[tokio::test]
async fn a_stopped_attempt_is_in_the_history_too() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    fail(&world, &buyer.email, 5).await;
    let reply = world.try_login(&buyer.email, &buyer.password).await;
    reply.expect_problem(423, "ACCOUNT_LOCKED");
    let stopped =
        "SELECT count(*) FROM user_service.login_history WHERE NOT success AND failure_reason = 'ACCOUNT_LOCKED'";
    assert_eq!(world.count(stopped).await, 1);
}
