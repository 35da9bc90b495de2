use crate::helpers::{Person, World, fields};
use serde_json::{Value, json};
use test_support::Reply;

const NEW: &str = "N3w-passw0rd";
const PATH: &str = "/auth/password/reset";

async fn reset(world: &World, verification: &str) -> Reply {
    let body = json!({
        "identityVerificationId": verification,
        "captchaToken": world.captcha(),
        "newPassword": NEW,
    });
    world.api.post(PATH, &body).await
}

#[tokio::test]
async fn a_verified_person_gets_a_new_password_and_every_session_ends() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (_, first) = world.signed_in_buyer().await;
    let second = world.login(&buyer).await;
    world.register(&Person::numbered(2)).await;
    let strangers = world.login(&Person::numbered(2)).await;

    // The name and phone of today: the person is known by the CI alone.
    let today = Person {
        name: "김영희".into(),
        phone: "010-9999-0000".into(),
        ..buyer.clone()
    };
    let reply = reset(&world, &world.verification(&today).await).await;
    assert_eq!(reply.expect(204), Value::Null);
    for tokens in [first, second] {
        let reply = world.refresh(&tokens.refresh).await;
        reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
        assert!(world.session_blacklisted_for(tokens.session()).await.is_some());
    }
    let old = world.try_login(&buyer.email, &buyer.password).await;
    old.expect_problem(401, "INVALID_CREDENTIALS");
    let _pair = world.try_login(&buyer.email, NEW).await.expect(200);
    let _pair = world.refresh(&strangers.refresh).await.expect(200);
}

#[tokio::test]
async fn who_has_no_account_gets_the_same_answer() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let known = reset(&world, &world.verification(&buyer).await).await;
    let stranger = world.verification(&Person::numbered(2)).await;
    let unknown = reset(&world, &stranger).await;
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    assert_eq!(unknown.expect(204), Value::Null);
    // It was used up all the same.
    let again = reset(&world, &stranger).await;
    again.expect_problem(400, "IDENTITY_NOT_VERIFIED");
}

#[tokio::test]
async fn a_verification_counts_once_over_all_routes() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let registration = world.registration(&buyer).await;
    let _account = world.api.post("/auth/register", &registration).await.expect(201);
    let used = registration["identityVerificationId"].as_str().unwrap();
    let problem = reset(&world, used).await.expect_problem(400, "IDENTITY_NOT_VERIFIED");
    assert_eq!(fields(&problem), ["identityVerificationId"]);

    let fresh = world.verification(&buyer).await;
    let (one, two) = tokio::join!(reset(&world, &fresh), reset(&world, &fresh));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 400]);
    let body = json!({ "identityVerificationId": fresh, "captchaToken": world.captcha() });
    let reply = world.api.post("/auth/reactivate", &body).await;
    reply.expect_problem(400, "IDENTITY_NOT_VERIFIED");
}

#[tokio::test]
async fn a_person_who_is_not_verified_changes_nothing() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let described =
        |ci: Value, status: &str| json!({ "name": "김철수", "phone": "01012345678", "ci": ci, "status": status });
    let stale = world.verification(&buyer).await;
    world.pass_time(601);
    for verification in [
        "iv-unknown".to_owned(),
        "../payments/p1".to_owned(),
        world.verification_of(&described(json!(buyer.ci), "READY")).await,
        world.verification_of(&described(json!(buyer.ci), "FAILED")).await,
        world.verification_of(&described(Value::Null, "VERIFIED")).await,
        stale,
    ] {
        let problem = reset(&world, &verification)
            .await
            .expect_problem(400, "IDENTITY_NOT_VERIFIED");
        assert_eq!(fields(&problem), ["identityVerificationId"]);
    }
    world.login(&buyer).await;
}

#[tokio::test]
async fn the_captcha_and_the_new_password_come_first() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let verification = world.verification(&buyer).await;
    let captcha = world.captcha();
    let body = |captcha: &str, password: &str| json!({ "identityVerificationId": verification, "captchaToken": captcha, "newPassword": password });
    let problem = world.api.post(PATH, &body(&captcha, "weak")).await;
    assert_eq!(fields(&problem.expect_problem(400, "WEAK_PASSWORD")), ["newPassword"]);
    let reply = world.api.post(PATH, &body("something", NEW)).await;
    reply.expect_problem(400, "CAPTCHA_FAILED");
    let reply = world
        .api
        .post(PATH, &json!({ "captchaToken": captcha, "newPassword": NEW }))
        .await;
    reply.expect_problem(400, "VALIDATION_FAILED");
    // None of it used anything up.
    let _done = world.api.post(PATH, &body(&captcha, NEW)).await.expect(204);
    // And a captcha that was used for one thing is no good for another.
    let login = json!({ "email": buyer.email, "password": NEW, "captchaToken": captcha });
    let reply = world.api.post("/auth/login", &login).await;
    reply.expect_problem(400, "CAPTCHA_FAILED");
}

#[tokio::test]
async fn a_reset_wakes_and_unlocks_nobody_and_lifts_a_stop() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let user = world.register(&buyer).await;
    for (status, login, code) in [("DORMANT", 403, "ACCOUNT_DORMANT"), ("LOCKED", 423, "ACCOUNT_LOCKED")] {
        world.set_status(user, status).await;
        let _done = reset(&world, &world.verification(&buyer).await).await.expect(204);
        assert_eq!(world.status_of(user).await, status);
        world.try_login(&buyer.email, NEW).await.expect_problem(login, code);
    }
    world.set_status(user, "ACTIVE").await;
    for _ in 0..5 {
        let reply = world.try_login(&buyer.email, "Passw0rd?").await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    let _done = reset(&world, &world.verification(&buyer).await).await.expect(204);
    let _pair = world.try_login(&buyer.email, NEW).await.expect(200);
    assert_eq!(
        world
            .count("SELECT count(*) FROM user_service.login_failures WHERE failures > 0")
            .await,
        0
    );
}

#[tokio::test]
async fn an_account_of_a_social_login_gets_a_password_and_a_deleted_one_nothing() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    world
        .execute("UPDATE user_service.users SET password_hash = NULL")
        .await;
    let _done = reset(&world, &world.verification(&buyer).await).await.expect(204);
    let _pair = world.try_login(&buyer.email, NEW).await.expect(200);

    // Nobody could sign in with the password of an account without an email.
    let given = "SELECT count(*) FROM user_service.users WHERE password_hash IS NOT NULL";
    world
        .execute("UPDATE user_service.users SET password_hash = NULL, email_encrypted = NULL, email_hash = NULL")
        .await;
    let _done = reset(&world, &world.verification(&buyer).await).await.expect(204);
    assert_eq!(world.count(given).await, 0);

    world
        .execute(
            "UPDATE user_service.users
             SET status = 'DELETED', deleted_at = now(), email_encrypted = NULL, email_hash = NULL, password_hash = NULL,
                 name_encrypted = NULL, phone_encrypted = NULL, ci_encrypted = NULL, di_encrypted = NULL",
        )
        .await;
    let _done = reset(&world, &world.verification(&buyer).await).await.expect(204);
    assert_eq!(world.count(given).await, 0);
}
