use super::{PROVIDERS, Page, done};
use crate::{
    helpers::{Person, World},
    logs,
};
use common::crypto::random_token;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_linked_is_offered_a_sign_up_and_later_signed_in() {
    let world = World::start().await;
    for (number, provider) in PROVIDERS.into_iter().enumerate() {
        let email = format!("{provider}@example.com");
        let person = json!({ "id": 4_294_967_299_u64, "email": email, "name": "Kim Hana" });
        world.next_user(provider, person).await;
        let reply = Page::new(&world).sign_in(provider).await;
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let offer = reply.expect(200);
        let profile = json!({ "provider": provider.to_uppercase(), "email": email, "name": "Kim Hana" });
        assert_eq!(offer["profile"], profile);
        assert!(offer["signupToken"].as_str().unwrap().starts_with("su_"));
        let user = world.sign_up(provider, &Person::numbered(number)).await;

        let pair = Page::new(&world).sign_in(provider).await.expect(200);
        assert_eq!(super::owner(&pair), user);
        assert_eq!(pair["tokenType"], "Bearer");
        assert_eq!(pair["expiresIn"], 3600);
        done(world.refresh(pair["refreshToken"].as_str().unwrap()).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_good_once() {
    let world = World::start().await;
    for provider in PROVIDERS {
        let page = Page::new(&world);
        let back = page.go(provider).await;
        done(page.come_back(provider, &back).await, 200);
        let again = page.come_back(provider, &back).await;
        again.expect_problem(400, "OAUTH_STATE_INVALID");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_good_in_the_browser_that_began_and_for_the_provider_it_began_at() {
    let world = World::start().await;
    let (page, stranger) = (Page::new(&world), Page::new(&world));
    let back = page.go("kakao").await;
    stranger
        .come_back("kakao", &back)
        .await
        .expect_problem(400, "OAUTH_STATE_INVALID");
    page.come_back("google", &back)
        .await
        .expect_problem(400, "OAUTH_STATE_INVALID");
    let made_up = back.clone().with("state", &random_token("st_"));
    page.come_back("kakao", &made_up)
        .await
        .expect_problem(400, "OAUTH_STATE_INVALID");
    done(page.come_back("kakao", &back).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_login_is_of_no_use() {
    let world = World::start().await;
    // Somebody's own code, planted in the victim's login. Naver, which has neither PKCE nor nonce, wants the state again.
    for provider in PROVIDERS {
        let (victim, thief) = (Page::new(&world), Page::new(&world));
        let (back, planted) = (victim.go(provider).await, thief.go(provider).await);
        let mixed = back.with("code", planted.get("code"));
        victim
            .come_back(provider, &mixed)
            .await
            .expect_problem(400, "OAUTH_CODE_INVALID");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_lasts_for_minutes() {
    let world = World::start_with(&[("OAUTH_STATE_TTL_SECONDS", "0.001")]).await;
    let page = Page::new(&world);
    let back = page.go("naver").await;
    page.come_back("naver", &back)
        .await
        .expect_problem(400, "OAUTH_STATE_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_begun_to_link_signs_nobody_in() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    let page = Page::of_user(&world, user);
    page.sign_in("kakao").await.expect_problem(400, "OAUTH_STATE_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_agree_is_told_so_and_may_begin_again() {
    let world = World::start().await;
    for provider in PROVIDERS {
        world
            .next_user(provider, json!({ "id": 1, "denies": "access_denied" }))
            .await;
        let page = Page::new(&world);
        let back = page.go(provider).await;
        page.come_back(provider, &back)
            .await
            .expect_problem(400, "OAUTH_DENIED");
        page.come_back(provider, &back)
            .await
            .expect_problem(400, "OAUTH_STATE_INVALID");
    }
    for (error, status, code) in [
        ("consent_required", 400, "OAUTH_DENIED"),
        ("login_required", 400, "OAUTH_DENIED"),
        ("temporarily_unavailable", 503, "SERVICE_UNAVAILABLE"),
        ("server_error", 503, "SERVICE_UNAVAILABLE"),
        ("invalid_scope", 503, "SERVICE_UNAVAILABLE"),
        ("anything\r\nelse", 503, "SERVICE_UNAVAILABLE"),
    ] {
        world.next_user("kakao", json!({ "id": 1, "denies": error })).await;
        Page::new(&world).sign_in("kakao").await.expect_problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_no_code_is_refused() {
    let world = World::start().await;
    for (missing, code) in [("state", "VALIDATION_FAILED"), ("code", "OAUTH_CODE_INVALID")] {
        let page = Page::new(&world);
        let mut back = page.go("kakao").await;
        back.0.remove(missing);
        page.come_back("kakao", &back).await.expect_problem(400, code);
    }
    for bad in ["", "a b", "\u{1}", "가", &"x".repeat(2049)] {
        let page = Page::new(&world);
        let back = page.go("kakao").await.with("code", bad);
        page.come_back("kakao", &back)
            .await
            .expect_problem(400, "OAUTH_CODE_INVALID");
    }
    for verifier in ["short".to_owned(), "x".repeat(129), format!("{} ", "x".repeat(50))] {
        let back = Page::new(&world).go("kakao").await;
        let reply = Page::with_verifier(&world, verifier).come_back("kakao", &back).await;
        reply.expect_problem(400, "VALIDATION_FAILED");
    }
    let back = Page::new(&world).go("kakao").await;
    let path = format!("/auth/oauth2/kakao/callback?code=x&state={}", back.get("state"));
    world.api.get(&path).await.expect_problem(400, "VALIDATION_FAILED");
}

// One thread: what it logs is caught per thread.
#[tokio::test]
async fn no_log_has_a_code_a_state_a_token_or_who_it_was() {
    let world = World::start().await;
    let person = json!({ "id": 987_654_321_987_u64, "email": "zz.canary@example.com", "name": "Zzcanary Namezz" });
    logs::catch();
    for provider in PROVIDERS {
        world.next_user(provider, person.clone()).await;
        let page = Page::new(&world);
        let back = page.go(provider).await;
        let offer = page.come_back(provider, &back).await.expect(200);
        page.come_back(provider, &back)
            .await
            .expect_problem(400, "OAUTH_STATE_INVALID");
        let used = page.go(provider).await.with("code", back.get("code"));
        page.come_back(provider, &used)
            .await
            .expect_problem(400, "OAUTH_CODE_INVALID");
        let log = logs::caught();
        for secret in [
            back.get("code"),
            back.get("state"),
            &page.verifier,
            offer["signupToken"].as_str().unwrap(),
            "987654321987",
            "zz.canary",
            "Zzcanary",
            &format!("local-{provider}-client-secret"),
        ] {
            assert!(!log.contains(secret), "{secret} is in the log: {log}");
        }
        assert!(log.contains("a provider refuses a code"), "{log}");
        logs::catch();
    }
}
