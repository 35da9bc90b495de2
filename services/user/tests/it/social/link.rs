use super::{PROVIDERS, Page, done};
use crate::helpers::{Person, World, fields};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_social_account_signs_in() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    for provider in PROVIDERS {
        let page = Page::of_user(&world, user);
        let back = page.go(provider).await;
        let linked = page.link(user, provider, &back).await.expect(201);
        assert_eq!(linked["provider"], provider.to_uppercase());
        page.link(user, provider, &back)
            .await
            .expect_problem(400, "OAUTH_STATE_INVALID");
        assert_eq!(
            super::owner(&Page::new(&world).sign_in(provider).await.expect(200)),
            user
        );
        // Once more is no mistake.
        let page = Page::of_user(&world, user);
        let again = page.link(user, provider, &page.go(provider).await).await.expect(200);
        assert_eq!(again, linked);
    }
    let me = world.api.as_user(user).get("/users/me").await.expect(200);
    assert_eq!(me["socialAccounts"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_begun_by_one_user_is_finished_by_no_other() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    let other = world.register(&Person::numbered(1)).await;
    let page = Page::of_user(&world, user);
    let back = page.go("google").await;
    // The same browser, but somebody else has signed in meanwhile.
    page.link(other, "google", &back)
        .await
        .expect_problem(400, "OAUTH_STATE_INVALID");
    // Somebody else's code and state in the user's browser.
    let planted = Page::of_user(&world, other).go("google").await;
    page.link(user, "google", &planted)
        .await
        .expect_problem(400, "OAUTH_STATE_INVALID");
    done(page.link(user, "google", &back).await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_social_account_is_one_users_and_a_user_has_one_of_each_provider() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    let other = world.register(&Person::numbered(1)).await;
    let page = Page::new(&world);
    done(page.link(user, "kakao", &page.go("kakao").await).await, 201);
    let page = Page::new(&world);
    let taken = page.link(other, "kakao", &page.go("kakao").await).await;
    taken.expect_problem(409, "SOCIAL_ACCOUNT_TAKEN");
    world.next_user("kakao", json!({ "id": 99 })).await;
    let page = Page::new(&world);
    let second = page.link(user, "kakao", &page.go("kakao").await).await;
    second.expect_problem(409, "ALREADY_EXISTS");
    let page = Page::new(&world);
    done(page.link(other, "kakao", &page.go("kakao").await).await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_active_links_nothing() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    world.set_status(user, "LOCKED").await;
    let page = Page::new(&world);
    let reply = page.link(user, "kakao", &page.go("kakao").await).await;
    reply.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(
        world.count("SELECT count(*) FROM user_service.social_accounts").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_of_another_shape_is_named() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    let owner = world.api.as_user(user);
    let verifier = "v".repeat(43);
    for (body, field) in [
        (json!({ "state": "s", "verifier": verifier }), "."),
        (json!({ "code": "c", "state": "s" }), "."),
        (json!({ "code": "c", "state": "s", "verifier": "short" }), "verifier"),
        (
            json!({ "code": "c", "state": "s", "verifier": verifier, "userId": user }),
            "userId",
        ),
    ] {
        let reply = owner.post("/users/me/social-accounts/kakao", &body).await;
        let problem = reply.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(fields(&problem), [field], "{problem}");
    }
    let body = json!({ "code": "c", "state": "unknown", "verifier": verifier });
    let reply = owner.post("/users/me/social-accounts/kakao", &body).await;
    reply.expect_problem(400, "OAUTH_STATE_INVALID");
    let page = Page::new(&world);
    let back = page.go("kakao").await.with("code", "unknown");
    page.link(user, "kakao", &back)
        .await
        .expect_problem(400, "OAUTH_CODE_INVALID");
}
