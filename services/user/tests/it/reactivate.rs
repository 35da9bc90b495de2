use crate::helpers::{Person, World, fields};
use serde_json::{Value, json};
use test_support::Reply;

const PATH: &str = "/auth/reactivate";

async fn reactivate(world: &World, verification: &str) -> Reply {
    let body = json!({ "identityVerificationId": verification, "captchaToken": world.captcha() });
    world.api.post(PATH, &body).await
}

#[tokio::test]
async fn a_verified_person_wakes_the_account_up() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, tokens) = world.signed_in_buyer().await;
    world.set_status(user, "DORMANT").await;
    let reply = world.try_login(&buyer.email, &buyer.password).await;
    reply.expect_problem(403, "ACCOUNT_DORMANT");

    let reply = reactivate(&world, &world.verification(&buyer).await).await;
    assert_eq!(reply.expect(204), Value::Null);
    assert_eq!(world.status_of(user).await, "ACTIVE");
    // What was left of a session from before is over.
    let reply = world.refresh(&tokens.refresh).await;
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
    assert!(world.session_blacklisted_for(tokens.session()).await.is_some());
    world.login(&buyer).await;
}

#[tokio::test]
async fn whoever_has_nothing_to_wake_up_gets_the_same_answer() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let user = world.register(&buyer).await;
    let stranger = world.verification(&Person::numbered(2)).await;
    assert_eq!(reactivate(&world, &stranger).await.expect(204), Value::Null);
    reactivate(&world, &stranger)
        .await
        .expect_problem(400, "IDENTITY_NOT_VERIFIED");
    for status in ["ACTIVE", "LOCKED"] {
        world.set_status(user, status).await;
        let reply = reactivate(&world, &world.verification(&buyer).await).await;
        assert_eq!(reply.expect(204), Value::Null);
        assert_eq!(world.status_of(user).await, status);
    }
}

#[tokio::test]
async fn nobody_is_woken_up_without_captcha_and_identity() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let user = world.register(&buyer).await;
    world.set_status(user, "DORMANT").await;
    let verification = world.verification(&buyer).await;
    let body = json!({ "identityVerificationId": verification, "captchaToken": "something" });
    let reply = world.api.post(PATH, &body).await;
    reply.expect_problem(400, "CAPTCHA_FAILED");
    let problem = reactivate(&world, "iv-unknown")
        .await
        .expect_problem(400, "IDENTITY_NOT_VERIFIED");
    assert_eq!(fields(&problem), ["identityVerificationId"]);
    let body = json!({ "identityVerificationId": verification, "captchaToken": world.captcha(), "password": "x" });
    let problem = world
        .api
        .post(PATH, &body)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(fields(&problem), ["password"]);
    assert_eq!(world.status_of(user).await, "DORMANT");

    world.faults(&json!({ "identity": { "down": true } })).await;
    let reply = reactivate(&world, &verification).await;
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    world.faults(&json!({ "recaptcha": { "down": true } })).await;
    let reply = reactivate(&world, &verification).await;
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    world.faults(&json!({})).await;
    let _done = reactivate(&world, &verification).await.expect(204);
    assert_eq!(world.status_of(user).await, "ACTIVE");
}
