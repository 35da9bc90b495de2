use super::{Page, done};
use crate::helpers::{CLIENT_ADDRESS, Person, USER_AGENT, World};
use http::Method;
use serde_json::json;
use std::time::Duration;
use test_support::eventually;
use uuid::Uuid;

async fn signed_up(world: &World) -> Uuid {
    world
        .next_user("kakao", json!({ "id": 77, "email": "hana@example.com" }))
        .await;
    world.sign_up("kakao", &Person::buyer()).await
}

async fn history(world: &World, user: Uuid) -> Vec<(String, bool, Option<String>)> {
    sqlx::query_as(
        r"
        SELECT login_method, success, failure_reason FROM user_service.login_history
        WHERE user_id = $1 AND ip_address = $2 AND user_agent = $3 ORDER BY created_at
        ",
    )
    .bind(user)
    .bind(CLIENT_ADDRESS)
    .bind(USER_AGENT)
    .fetch_all(&world.db)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sleeps_or_is_locked_is_told_and_every_attempt_is_remembered() {
    let world = World::start().await;
    let user = signed_up(&world).await;
    done(Page::new(&world).sign_in("kakao").await, 200);
    for (status, http, code) in [("DORMANT", 403, "ACCOUNT_DORMANT"), ("LOCKED", 423, "ACCOUNT_LOCKED")] {
        world.set_status(user, status).await;
        Page::new(&world).sign_in("kakao").await.expect_problem(http, code);
    }
    let failure = |code: &str| ("KAKAO".to_owned(), false, Some(code.to_owned()));
    let success = ("KAKAO".to_owned(), true, None);
    let expected = [
        success.clone(),
        success,
        failure("ACCOUNT_DORMANT"),
        failure("ACCOUNT_LOCKED"),
    ];
    assert_eq!(history(&world, user).await, expected);
}

async fn delete(world: &World, user: Uuid, days_ago: i32) {
    let deleted = sqlx::query(
        r"
        UPDATE user_service.users
        SET status = 'DELETED', deleted_at = clock_timestamp() - make_interval(days => $2), email_encrypted = NULL,
            email_hash = NULL, name_encrypted = NULL, phone_encrypted = NULL, ci_encrypted = NULL, di_encrypted = NULL
        WHERE id = $1
        ",
    )
    .bind(user)
    .bind(days_ago)
    .execute(&world.db)
    .await
    .unwrap();
    assert_eq!(deleted.rows_affected(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_account_was_deleted_is_told_so_until_they_may_come_back() {
    let world = World::start().await;
    let user = signed_up(&world).await;
    delete(&world, user, 29).await;
    Page::new(&world)
        .sign_in("kakao")
        .await
        .expect_problem(403, "ACCOUNT_DELETED");
    delete(&world, user, 31).await;
    let again = signed_up(&world).await;
    assert_ne!(again, user);
    assert_eq!(
        super::owner(&Page::new(&world).sign_in("kakao").await.expect(200)),
        again
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_deletes_an_account_without_a_password_is_told_so_by_the_next_login() {
    let world = World::start().await;
    let user = signed_up(&world).await;
    let owner = world.api.as_user(user);
    let reply = owner
        .call(Method::DELETE, "/users/me", Some(&json!({ "confirm": true })))
        .await;
    done(reply, 204);
    Page::new(&world)
        .sign_in("kakao")
        .await
        .expect_problem(403, "ACCOUNT_DELETED");
    let mut row: Vec<String> = sqlx::query_scalar("SELECT s::text FROM user_service.social_accounts s")
        .fetch_all(&world.db)
        .await
        .unwrap();
    let row = row.pop().unwrap();
    assert!(!row.contains("77,") && !row.contains("hana"), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_social_account_goes_in_the_end() {
    let world = World::start_with(&[
        ("REJOIN_AFTER_SECONDS", "0"),
        ("ACCOUNT_PURGE_INTERVAL_SECONDS", "0.05"),
    ])
    .await;
    let user = signed_up(&world).await;
    delete(&world, user, 0).await;
    eventually("the purge", Duration::from_secs(60), || async {
        let left = world.count("SELECT count(*) FROM user_service.social_accounts").await;
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_account_was_just_deleted_cannot_link_the_social_account_elsewhere() {
    let world = World::start().await;
    let user = signed_up(&world).await;
    delete(&world, user, 1).await;
    let other = world.register(&Person::numbered(2)).await;
    let page = Page::new(&world);
    let reply = page.link(other, "kakao", &page.go("kakao").await).await;
    reply.expect_problem(409, "SOCIAL_ACCOUNT_TAKEN");
    delete(&world, user, 31).await;
    let page = Page::new(&world);
    done(page.link(other, "kakao", &page.go("kakao").await).await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_who_is_the_providers_id_and_not_the_email() {
    let world = World::start().await;
    let user = signed_up(&world).await;
    // The address has gone to somebody else at Kakao; and the same id elsewhere is another person.
    world
        .next_user("kakao", json!({ "id": 78, "email": "hana@example.com" }))
        .await;
    let offer = Page::new(&world).sign_in("kakao").await.expect(200);
    assert!(offer["signupToken"].is_string());
    world
        .next_user("naver", json!({ "id": "77", "email": "hana@example.com" }))
        .await;
    assert!(Page::new(&world).sign_in("naver").await.expect(200)["signupToken"].is_string());
    world
        .next_user("kakao", json!({ "id": 77, "email": "moved@example.com" }))
        .await;
    assert_eq!(
        super::owner(&Page::new(&world).sign_in("kakao").await.expect(200)),
        user
    );
}
