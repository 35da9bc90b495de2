use super::{Page, done, owner};
use crate::helpers::{Person, World, fields};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_the_verified_name_and_the_providers_email() {
    let world = World::start().await;
    let person = json!({ "id": 1, "email": "Hana@Example.com", "nickname": "하나♥" });
    world.next_user("kakao", person).await;
    let user = world.sign_up("kakao", &Person::buyer()).await;
    let me = world.api.as_user(user).get("/users/me").await.expect(200);
    assert_eq!(me["email"], "hana@example.com");
    assert_eq!(me["name"], "김철수");
    assert_eq!(me["phone"], "01012345678");
    assert_eq!(me["socialAccounts"][0]["provider"], "KAKAO");
    assert!(me["lastLoginAt"].is_string());
    let agreed = "SELECT count(*) FROM user_service.terms_agreements WHERE agreed";
    assert_eq!(world.count(agreed).await, 2);
    // There is no password, and so none that is right.
    let reply = world.try_login("hana@example.com", "Passw0rd!").await;
    reply.expect_problem(401, "INVALID_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_the_provider_does_not_vouch_for_is_none() {
    let world = World::start().await;
    let email = "somebody@example.com";
    for (number, (provider, person)) in [
        ("kakao", json!({ "id": 1, "email": email, "emailValid": false })),
        ("kakao", json!({ "id": 2, "email": email, "emailVerified": false })),
        ("google", json!({ "id": "3", "email": email, "emailVerified": false })),
        ("google", json!({ "id": "4" })),
        ("naver", json!({ "id": "5", "email": "no address" })),
    ]
    .into_iter()
    .enumerate()
    {
        world.next_user(provider, person).await;
        let offer = Page::new(&world).sign_in(provider).await.expect(200);
        assert_eq!(offer["profile"]["email"], Value::Null, "{provider} {number}");
        let token = offer["signupToken"].as_str().unwrap();
        let pair = world.try_signup(token, &Person::numbered(number)).await.expect(201);
        let me = world.api.as_user(owner(&pair)).get("/users/me").await.expect(200);
        assert_eq!(me["email"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_email_neither_links_nor_gives_a_second_account() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    let email = Person::buyer().email;
    world.next_user("naver", json!({ "id": "n", "email": email })).await;
    let token = world.signup_token("naver").await;
    world
        .try_signup(&token, &Person::numbered(1))
        .await
        .expect_problem(409, "EMAIL_TAKEN");
    assert_eq!(
        world.count("SELECT count(*) FROM user_service.social_accounts").await,
        0
    );
    // Who owns both signs in and links.
    let page = Page::new(&world);
    done(page.link(user, "naver", &page.go("naver").await).await, 201);
    assert_eq!(owner(&Page::new(&world).sign_in("naver").await.expect(200)), user);
    // By now the social account is somebody's.
    world
        .execute("UPDATE user_service.users SET email_hash = '\\x00'")
        .await;
    world
        .try_signup(&token, &Person::numbered(1))
        .await
        .expect_problem(409, "SOCIAL_ACCOUNT_TAKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_one_account_however_they_sign_in() {
    let world = World::start().await;
    world.register(&Person::buyer()).await;
    let token = world.signup_token("google").await;
    world
        .try_signup(&token, &Person::buyer())
        .await
        .expect_problem(409, "IDENTITY_TAKEN");
    done(world.try_signup(&token, &Person::numbered(1)).await, 201);
    // And such a person is not told whose email has an account.
    for email in ["person1@example.com", &Person::buyer().email] {
        world.next_user("naver", json!({ "id": email, "email": email })).await;
        world
            .try_signup(&world.signup_token("naver").await, &Person::buyer())
            .await
            .expect_problem(409, "IDENTITY_TAKEN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_outlives_a_refusal_and_no_success() {
    let world = World::start().await;
    let token = world.signup_token("kakao").await;
    let person = Person::buyer();
    let refused = async |change: &dyn Fn(&mut Value), code: &str| {
        let mut body = world.signup_body(&token, &person).await;
        change(&mut body);
        let reply = world.api.post("/auth/oauth2/signup", &body).await;
        fields(&reply.expect_problem(400, code)).join(" ")
    };
    assert_eq!(
        refused(&|body| body["phone"] = json!("02-1"), "VALIDATION_FAILED").await,
        "phone"
    );
    assert_eq!(
        refused(&|body| body["agreements"] = json!([]), "TERMS_NOT_AGREED").await,
        "agreements"
    );
    refused(
        &|body| body["captchaToken"] = json!("sim-fail-bad-request"),
        "CAPTCHA_FAILED",
    )
    .await;
    for (member, value) in [("identityVerificationId", "unknown"), ("phone", "010-9999-9999")] {
        let field = refused(&|body| body[member] = json!(value), "IDENTITY_NOT_VERIFIED").await;
        assert_eq!(field, "identityVerificationId");
    }
    assert_eq!(
        refused(&|body| body["email"] = json!("a@b.kr"), "VALIDATION_FAILED").await,
        "email"
    );
    done(world.try_signup(&token, &person).await, 201);
    world
        .try_signup(&token, &Person::numbered(1))
        .await
        .expect_problem(401, "SIGNUP_TOKEN_INVALID");
    world
        .try_signup("su_unknown", &Person::numbered(2))
        .await
        .expect_problem(401, "SIGNUP_TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lasts_for_minutes_and_redis_keeps_nobodys_data_in_the_clear() {
    let world = World::start().await;
    let person = json!({ "id": 987_654_321_987_u64, "email": "zz.canary@example.com", "name": "Zzcanary" });
    world.next_user("kakao", person).await;
    let token = world.signup_token("kakao").await;
    let mut redis = world.redis().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("oauth:*").query_async(&mut redis).await.unwrap();
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let value: String = redis::cmd("GET").arg(key).query_async(&mut redis).await.unwrap();
    let decoded = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, &value).unwrap();
    let text = String::from_utf8_lossy(&decoded).into_owned();
    for secret in ["canary", "987654321987", &token] {
        assert!(!value.contains(secret) && !key.contains(secret) && !text.contains(secret));
    }
    let seconds = world.blacklisted_for(key).await.unwrap();
    assert!((800..=900).contains(&seconds), "{seconds}");
    // Somebody with access to Redis cannot move it to a token of their own.
    let theirs = world.signup_token("naver").await;
    let other: Vec<String> = redis::cmd("KEYS")
        .arg("oauth:signup:*")
        .query_async(&mut redis)
        .await
        .unwrap();
    let place = other.iter().find(|other| *other != key).unwrap();
    let _: () = redis::cmd("SET")
        .arg(place)
        .arg(&value)
        .query_async(&mut redis)
        .await
        .unwrap();
    world
        .try_signup(&theirs, &Person::buyer())
        .await
        .expect_problem(500, "INTERNAL");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_verification_counts_once() {
    let world = World::start().await;
    let token = world.signup_token("kakao").await;
    let body = world.signup_body(&token, &Person::buyer()).await;
    done(world.api.post("/auth/oauth2/signup", &body).await, 201);
    world.execute("UPDATE user_service.users SET ci_hash = NULL").await;
    let mut again = world
        .signup_body(&world.signup_token("naver").await, &Person::buyer())
        .await;
    again["identityVerificationId"] = body["identityVerificationId"].clone();
    let reply = world.api.post("/auth/oauth2/signup", &again).await;
    reply.expect_problem(400, "IDENTITY_NOT_VERIFIED");
}
