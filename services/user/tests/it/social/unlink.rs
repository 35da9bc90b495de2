use super::{Page, done};
use crate::helpers::{Person, World};
use serde_json::{Value, json};

const KAKAO: &str = "/users/me/social-accounts/kakao";
const NAVER: &str = "/users/me/social-accounts/naver";

async fn linked(world: &World, user: uuid::Uuid) -> Vec<String> {
    let me = world.api.as_user(user).get("/users/me").await.expect(200);
    let accounts = me["socialAccounts"].as_array().unwrap().iter();
    accounts
        .map(|account| account["provider"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_password_may_unlink_everything() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let page = Page::new(&world);
    done(page.link(user, "kakao", &page.go("kakao").await).await, 201);
    assert_eq!(linked(&world, user).await, ["KAKAO"]);
    let owner = world.as_owner(user, &tokens);
    assert_eq!(owner.delete(KAKAO).await.expect(204), Value::Null);
    owner.delete(KAKAO).await.expect_problem(404, "NOT_FOUND");
    assert!(linked(&world, user).await.is_empty());
    let offer = Page::new(&world).sign_in("kakao").await.expect(200);
    assert!(offer["signupToken"].is_string(), "it signs nobody in any more");
    done(world.refresh(&tokens.refresh).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_way_to_sign_in_stays() {
    let world = World::start().await;
    let user = world.sign_up("kakao", &Person::buyer()).await;
    let owner = world.api.as_user(user);
    owner.delete(NAVER).await.expect_problem(404, "NOT_FOUND");
    owner.delete(KAKAO).await.expect_problem(409, "LAST_SIGN_IN_METHOD");
    let page = Page::new(&world);
    done(page.link(user, "naver", &page.go("naver").await).await, 201);
    assert_eq!(linked(&world, user).await, ["KAKAO", "NAVER"]);
    done(owner.delete(KAKAO).await, 204);
    owner.delete(NAVER).await.expect_problem(409, "LAST_SIGN_IN_METHOD");
    assert_eq!(
        super::owner(&Page::new(&world).sign_in("naver").await.expect(200)),
        user
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_unlinks_anothers() {
    let world = World::start().await;
    let user = world.sign_up("kakao", &Person::buyer()).await;
    let other = world.register(&Person::numbered(1)).await;
    world
        .api
        .as_user(other)
        .delete(KAKAO)
        .await
        .expect_problem(404, "NOT_FOUND");
    world.api.delete(KAKAO).await.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(linked(&world, user).await, ["KAKAO"]);
    let body = json!({ "code": "c", "state": "s", "verifier": "v" });
    world
        .api
        .post(KAKAO, &body)
        .await
        .expect_problem(401, "UNAUTHENTICATED");
}
