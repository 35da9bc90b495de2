use super::{Page, done};
use crate::helpers::{Person, World};
use futures_util::future::join_all;
use serde_json::json;
use std::collections::BTreeMap;
use test_support::Reply;

/// The replies by status and code.
fn outcomes(replies: Vec<Reply>) -> BTreeMap<(u16, String), usize> {
    let mut outcomes = BTreeMap::new();
    for reply in replies {
        let code = reply.body["code"].as_str().unwrap_or_default().to_owned();
        *outcomes.entry((reply.status.as_u16(), code)).or_default() += 1;
    }
    outcomes
}

fn expected(of: &[(u16, &str, usize)]) -> BTreeMap<(u16, String), usize> {
    of.iter()
        .map(|(status, code, count)| ((*status, (*code).to_owned()), *count))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_callbacks_with_one_state_one_goes_through() {
    let world = World::start().await;
    let page = Page::new(&world);
    let back = page.go("naver").await;
    let replies = join_all((0..8).map(|_| page.come_back("naver", &back))).await;
    assert_eq!(
        outcomes(replies),
        expected(&[(200, "", 1), (400, "OAUTH_STATE_INVALID", 7)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_sign_ups_with_one_token_one_opens_an_account() {
    let world = World::start().await;
    let token = world.signup_token("kakao").await;
    let people: Vec<Person> = (0..8).map(|_| Person::buyer()).collect();
    let replies = join_all(people.iter().map(|person| world.try_signup(&token, person))).await;
    assert_eq!(
        outcomes(replies),
        expected(&[(201, "", 1), (401, "SIGNUP_TOKEN_INVALID", 7)])
    );
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_opens_one_account_though_many_people_have_it() {
    let world = World::start().await;
    let token = world.signup_token("kakao").await;
    let people: Vec<Person> = (0..8).map(Person::numbered).collect();
    let replies = join_all(people.iter().map(|person| world.try_signup(&token, person))).await;
    assert_eq!(
        outcomes(replies),
        expected(&[(201, "", 1), (401, "SIGNUP_TOKEN_INVALID", 7)])
    );
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_social_account_signed_up_with_in_many_tabs_is_one_account() {
    let world = World::start().await;
    let tokens = join_all((0..4).map(|_| world.signup_token("google"))).await;
    let people: Vec<Person> = (0..4).map(Person::numbered).collect();
    let signups = tokens
        .iter()
        .zip(&people)
        .map(|(token, person)| world.try_signup(token, person));
    let replies = join_all(signups).await;
    assert_eq!(
        outcomes(replies),
        expected(&[(201, "", 1), (409, "SOCIAL_ACCOUNT_TAKEN", 3)])
    );
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_users_who_link_one_social_account_one_gets_it() {
    let world = World::start().await;
    let mut attempts = Vec::new();
    for number in 0..4 {
        let user = world.register(&Person::numbered(number)).await;
        let page = Page::of_user(&world, user);
        let back = page.go("kakao").await;
        attempts.push((user, page, back));
    }
    let links = attempts
        .iter()
        .map(|(user, page, back)| page.link(*user, "kakao", back));
    let replies = join_all(links).await;
    assert_eq!(
        outcomes(replies),
        expected(&[(201, "", 1), (409, "SOCIAL_ACCOUNT_TAKEN", 3)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_who_links_in_many_tabs_is_linked_once() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    let mut attempts = Vec::new();
    for _ in 0..4 {
        let page = Page::of_user(&world, user);
        attempts.push((page.go("kakao").await, page));
    }
    let links = attempts.iter().map(|(back, page)| page.link(user, "kakao", back));
    assert_eq!(outcomes(join_all(links).await), expected(&[(200, "", 3), (201, "", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ways_to_sign_in_unlinked_at_once_leave_one() {
    let world = World::start().await;
    for round in 0..4 {
        world.next_user("kakao", json!({ "id": round })).await;
        world.next_user("naver", json!({ "id": format!("n{round}") })).await;
        let user = world.sign_up("kakao", &Person::numbered(round)).await;
        let page = Page::new(&world);
        done(page.link(user, "naver", &page.go("naver").await).await, 201);
        let owner = world.api.as_user(user);
        let (kakao, naver) = tokio::join!(
            owner.delete("/users/me/social-accounts/kakao"),
            owner.delete("/users/me/social-accounts/naver"),
        );
        let expected = expected(&[(204, "", 1), (409, "LAST_SIGN_IN_METHOD", 1)]);
        assert_eq!(outcomes(vec![kakao, naver]), expected);
    }
}
