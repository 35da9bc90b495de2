use crate::helpers::{Person, World};
use serde_json::json;

#[tokio::test]
async fn a_captcha_that_was_not_passed_lets_nobody_in() {
    let world = World::start().await;
    let mut body = world.registration(&Person::buyer()).await;
    let long = format!("sim-pass-{}", "x".repeat(5000));
    for token in [
        "",
        "something",
        "sim-fail-timeout-or-duplicate",
        "sim-fail-bad-request",
        &long,
    ] {
        body["captchaToken"] = json!(token);
        let reply = world.api.post("/auth/register", &body).await;
        reply.expect_problem(400, "CAPTCHA_FAILED");
    }
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 0);
}

#[tokio::test]
async fn a_captcha_is_good_for_one_registration() {
    let world = World::start().await;
    let first = world.registration(&Person::buyer()).await;
    let _account = world.api.post("/auth/register", &first).await.expect(201);
    let mut second = world.registration(&Person::numbered(2)).await;
    second["captchaToken"] = first["captchaToken"].clone();
    let reply = world.api.post("/auth/register", &second).await;
    reply.expect_problem(400, "CAPTCHA_FAILED");
}

#[tokio::test]
async fn a_captcha_of_another_site_does_not_count() {
    let world = World::start_with(&[("RECAPTCHA_HOSTNAME", "tickets.example.com")]).await;
    let body = world.registration(&Person::buyer()).await;
    let reply = world.api.post("/auth/register", &body).await;
    reply.expect_problem(400, "CAPTCHA_FAILED");
}

#[tokio::test]
async fn while_the_captcha_cannot_be_checked_nobody_gets_in() {
    let world = World::start().await;
    let body = world.registration(&Person::buyer()).await;
    world.faults(&json!({ "recaptcha": { "down": true } })).await;
    let reply = world.api.post("/auth/register", &body).await;
    assert!(reply.header("retry-after").is_some());
    let problem = reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    assert!(!problem.to_string().contains("captcha"), "it says why: {problem}");
    world
        .try_login("buyer@example.com", "Passw0rd!")
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");

    world.faults(&json!({})).await;
    let _account = world.api.post("/auth/register", &body).await.expect(201);
}

#[tokio::test]
async fn when_our_own_captcha_secret_is_refused_it_is_not_the_visitors_fault() {
    let world = World::start_with(&[("RECAPTCHA_SECRET", "another")]).await;
    let body = world.registration(&Person::buyer()).await;
    let reply = world.api.post("/auth/register", &body).await;
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
}
