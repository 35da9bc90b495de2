use crate::helpers::{Person, World, fields};
use serde_json::{Value, json};

/// Registers the buyer with that verification and expects it to be refused.
async fn refused(world: &World, verification: &str) -> Value {
    let mut body = world.registration(&Person::buyer()).await;
    body["identityVerificationId"] = json!(verification);
    let reply = world.api.post("/auth/register", &body).await;
    let problem = reply.expect_problem(400, "IDENTITY_NOT_VERIFIED");
    assert_eq!(fields(&problem), ["identityVerificationId"]);
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 0);
    problem
}

#[tokio::test]
async fn an_unknown_verification_is_refused() {
    let world = World::start().await;
    let long = "x".repeat(201);
    for id in [
        "iv-unknown",
        "",
        "../payments/p1",
        "..",
        "a/b",
        "a?storeId=x",
        "a#b",
        "a%2fb",
        "한글",
        &long,
    ] {
        refused(&world, id).await;
    }
}

#[tokio::test]
async fn a_verification_that_is_not_finished_or_failed_is_refused() {
    let world = World::start().await;
    for status in ["READY", "FAILED"] {
        let id = world
            .verification_of(&json!({ "name": "김철수", "phone": "01012345678", "status": status }))
            .await;
        refused(&world, &id).await;
    }
}

#[tokio::test]
async fn a_verification_of_another_person_is_refused() {
    let world = World::start().await;
    for other in [
        json!({ "name": "이영희", "phone": "01012345678" }),
        json!({ "name": "김철", "phone": "01012345678" }),
        json!({ "name": "김철수", "phone": "01012345679" }),
        json!({ "name": "김철수", "phone": "" }),
    ] {
        let id = world.verification_of(&other).await;
        refused(&world, &id).await;
    }
}

#[tokio::test]
async fn a_verification_without_ci_is_refused_and_one_without_di_is_not() {
    let world = World::start().await;
    let described = |ci: Value| json!({ "name": "김철수", "phone": "01012345678", "ci": ci, "di": null });
    let id = world.verification_of(&described(Value::Null)).await;
    refused(&world, &id).await;
    let id = world.verification_of(&described(json!(""))).await;
    refused(&world, &id).await;

    let mut body = world.registration(&Person::buyer()).await;
    body["identityVerificationId"] = json!(world.verification_of(&described(json!("ci"))).await);
    let _account = world.api.post("/auth/register", &body).await.expect(201);
    let without_di = "SELECT count(*) FROM user_service.users WHERE di_encrypted IS NULL AND ci_encrypted IS NOT NULL";
    assert_eq!(world.count(without_di).await, 1);
}

#[tokio::test]
async fn a_verification_counts_for_ten_minutes() {
    let world = World::start().await;
    let (fresh, stale) = (Person::buyer(), Person::numbered(2));
    let mut late = world.registration(&fresh).await;
    let mut too_late = world.registration(&stale).await;

    world.pass_time(9 * 60);
    late["captchaToken"] = json!(world.captcha());
    let _account = world.api.post("/auth/register", &late).await.expect(201);

    world.pass_time(61);
    too_late["captchaToken"] = json!(world.captcha());
    let reply = world.api.post("/auth/register", &too_late).await;
    let problem = reply.expect_problem(400, "IDENTITY_NOT_VERIFIED");
    assert_eq!(fields(&problem), ["identityVerificationId"]);
}

#[tokio::test]
async fn a_verification_opens_one_account_even_after_that_account_is_gone() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let mut body = world.registration(&buyer).await;
    let _account = world.api.post("/auth/register", &body).await.expect(201);

    // Under another email it is still the same person.
    body["email"] = json!("second@example.com");
    body["captchaToken"] = json!(world.captcha());
    let reply = world.api.post("/auth/register", &body).await;
    reply.expect_problem(409, "IDENTITY_TAKEN");

    // The person withdrew and may come back, but not with the old verification.
    sqlx::query(
        r"
        UPDATE user_service.users
        SET status = 'DELETED', deleted_at = now(), email_encrypted = NULL, email_hash = NULL, password_hash = NULL,
            name_encrypted = NULL, phone_encrypted = NULL, ci_encrypted = NULL, di_encrypted = NULL, ci_hash = NULL
        ",
    )
    .execute(&world.db)
    .await
    .unwrap();
    body["captchaToken"] = json!(world.captcha());
    let reply = world.api.post("/auth/register", &body).await;
    let problem = reply.expect_problem(400, "IDENTITY_NOT_VERIFIED");
    assert_eq!(fields(&problem), ["identityVerificationId"]);

    world.register(&buyer).await;
}

#[tokio::test]
async fn who_has_an_account_is_not_told_which_emails_have_one() {
    let world = World::start().await;
    let (buyer, other) = (Person::buyer(), Person::numbered(2));
    world.register(&buyer).await;
    world.register(&other).await;
    // A refusal does not use the verification up, so it asks about any number of emails.
    let mut body = world.registration(&buyer).await;
    for email in [&other.email, &buyer.email, "nobody@example.com"] {
        body["email"] = json!(email);
        body["captchaToken"] = json!(world.captcha());
        let reply = world.api.post("/auth/register", &body).await;
        reply.expect_problem(409, "IDENTITY_TAKEN");
    }
}

#[tokio::test]
async fn while_the_identity_cannot_be_checked_nobody_gets_in() {
    let world = World::start().await;
    let mut body = world.registration(&Person::buyer()).await;
    world.faults(&json!({ "identity": { "down": true } })).await;
    let reply = world.api.post("/auth/register", &body).await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");

    world.faults(&json!({})).await;
    body["captchaToken"] = json!(world.captcha());
    let _account = world.api.post("/auth/register", &body).await.expect(201);
}

#[tokio::test]
async fn when_our_own_secret_is_refused_it_is_not_the_visitors_fault() {
    let world = World::start_with(&[("PORTONE_API_SECRET", "another")]).await;
    let body = world.registration(&Person::buyer()).await;
    let reply = world.api.post("/auth/register", &body).await;
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn spacing_and_case_of_a_verified_name_do_not_matter() {
    let world = World::start().await;
    let id = world
        .verification_of(&json!({ "name": "KIM CHULSOO", "phone": "01012345678" }))
        .await;
    let mut body = world.registration(&Person::buyer()).await;
    body["name"] = json!("Kim  Chul Soo");
    body["phone"] = json!("+82 10-1234-5678");
    body["identityVerificationId"] = json!(id);
    let reply = world.api.post("/auth/register", &body).await.expect(201);
    assert_eq!(reply["name"], "Kim Chul Soo");
}
