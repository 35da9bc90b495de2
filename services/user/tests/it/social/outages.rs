use super::{PROVIDERS, Page, done};
use crate::helpers::{Person, World};
use serde_json::json;
use uuid::Uuid;

/// Nothing listens there.
const NOWHERE: &str = "redis://127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_or_slow_is_503_and_the_others_go_on() {
    let world = World::start_with(&[("PROVIDER_TIMEOUT_SECONDS", "1")]).await;
    let (user, _) = world.signed_in_buyer().await;
    for provider in PROVIDERS {
        for fault in [json!({ "down": true }), json!({ "delayMs": 20_000 })] {
            let (login, link) = (Page::new(&world), Page::new(&world));
            let backs = (login.go(provider).await, link.go(provider).await);
            world.faults(&json!({ provider: fault })).await;
            let replies = tokio::join!(login.come_back(provider, &backs.0), link.link(user, provider, &backs.1));
            for reply in [replies.0, replies.1] {
                assert!(reply.header("retry-after").is_some());
                reply.expect_problem(503, "SERVICE_UNAVAILABLE");
            }
            world.faults(&json!({})).await;
        }
        done(Page::new(&world).sign_in(provider).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nobody_begins_or_finishes_and_unlinking_goes_on() {
    let world = World::start_with(&[("REDIS_URL", NOWHERE)]).await;
    let page = Page::new(&world);
    let begin = format!("/auth/oauth2/kakao/authorize?challenge={}", page.challenge());
    let finish = format!("/auth/oauth2/kakao/callback?code=c&state=s&verifier={}", page.verifier);
    let user = world.api.as_user(Uuid::now_v7());
    let link = json!({ "code": "c", "state": "s", "verifier": page.verifier });
    let signup = world.signup_body("su_x", &Person::buyer()).await;
    let replies = tokio::join!(
        world.api.get(&begin),
        world.api.get(&finish),
        user.post("/users/me/social-accounts/kakao", &link),
        world.api.post("/auth/oauth2/signup", &signup),
    );
    for reply in [replies.0, replies.1, replies.2, replies.3] {
        assert!(reply.header("retry-after").is_some());
        reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_nobody_is_signed_in() {
    let world = World::start_with(&[("DATABASE_URL", "postgres://user@127.0.0.1:1/ticketing")]).await;
    let reply = Page::new(&world).sign_in("naver").await;
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_identities_cannot_be_verified_the_token_waits() {
    let world = World::start().await;
    let token = world.signup_token("kakao").await;
    world.faults(&json!({ "identity": { "down": true } })).await;
    world
        .try_signup(&token, &Person::buyer())
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
    world.faults(&json!({})).await;
    done(world.try_signup(&token, &Person::buyer()).await, 201);
}
