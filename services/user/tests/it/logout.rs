use crate::helpers::{Person, Tokens, World, fields};
use common::crypto::sha256_hex;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use test_support::eventually;

#[tokio::test]
async fn a_logout_ends_the_session_and_its_tokens() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let reply = world
        .as_owner(user, &tokens)
        .post("/auth/logout", &json!({ "refreshToken": tokens.refresh }))
        .await;
    assert_eq!(reply.expect(204), Value::Null);

    let token_key = format!("token:blacklist:{}", sha256_hex(tokens.access.as_bytes()));
    for seconds in [
        world.blacklisted_for(&token_key).await.unwrap(),
        world.session_blacklisted_for(tokens.session()).await.unwrap(),
    ] {
        assert!((3590..=3660).contains(&seconds), "{seconds}");
    }
    world
        .refresh(&tokens.refresh)
        .await
        .expect_problem(401, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_logout_without_a_body_ends_the_session_too() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let owner = world.as_owner(user, &tokens);
    let _nothing = owner.call(Method::POST, "/auth/logout", None).await.expect(204);
    world
        .refresh(&tokens.refresh)
        .await
        .expect_problem(401, "REFRESH_TOKEN_INVALID");
    // Lost replies are asked for again.
    let _nothing = owner.call(Method::POST, "/auth/logout", None).await.expect(204);
}

#[tokio::test]
async fn the_blacklist_remembers_a_token_for_the_rest_of_its_life() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    world.pass_time(3000);
    let owner = world.as_owner(user, &tokens);
    let _nothing = owner.post("/auth/logout", &json!({})).await.expect(204);
    let token_key = format!("token:blacklist:{}", sha256_hex(tokens.access.as_bytes()));
    let seconds = world.blacklisted_for(&token_key).await.unwrap();
    assert!((590..=660).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_refresh_token_that_was_rotated_meanwhile_does_not_save_the_session() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let newer = Tokens::of(&world.refresh(&tokens.refresh).await.expect(200));
    let owner = world.as_owner(user, &tokens);
    let _nothing = owner.post("/auth/logout", &json!({})).await.expect(204);
    let reply = world.refresh(&newer.refresh).await;
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_logout_with_the_refresh_token_of_another_own_session_ends_both() {
    let world = World::start().await;
    let (user, here) = world.signed_in_buyer().await;
    let there = world.login(&Person::buyer()).await;
    let elsewhere = world.login(&Person::buyer()).await;
    let _nothing = world
        .as_owner(user, &here)
        .post("/auth/logout", &json!({ "refreshToken": there.refresh }))
        .await
        .expect(204);
    for ended in [&here, &there] {
        assert!(world.session_blacklisted_for(ended.session()).await.is_some());
        let reply = world.refresh(&ended.refresh).await;
        reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
    }
    assert_eq!(world.session_blacklisted_for(elsewhere.session()).await, None);
    let _pair = world.refresh(&elsewhere.refresh).await.expect(200);
}

#[tokio::test]
async fn another_users_refresh_token_is_left_alone() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let other = Person::numbered(2);
    world.register(&other).await;
    let others = world.login(&other).await;
    let _nothing = world
        .as_owner(user, &tokens)
        .post("/auth/logout", &json!({ "refreshToken": others.refresh }))
        .await
        .expect(204);
    assert_eq!(world.session_blacklisted_for(others.session()).await, None);
    let _pair = world.refresh(&others.refresh).await.expect(200);
}

#[tokio::test]
async fn a_session_that_ends_while_it_is_refreshed_has_no_successor() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;

    // The rotation is held just before its successor is inserted, and the logout comes in between.
    sqlx::raw_sql(
        r"
        CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END';
        CREATE TRIGGER hold BEFORE INSERT ON user_service.auth_tokens FOR EACH ROW EXECUTE FUNCTION public.hold();
        ",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let mut holder = world.db.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(7)")
        .execute(&mut *holder)
        .await
        .unwrap();
    let let_go = async {
        waiting_for_locks(&world, 2).await;
        holder.commit().await.unwrap();
    };
    let refresh = world.refresh(&tokens.refresh);
    let logout = async {
        waiting_for_locks(&world, 1).await;
        world.as_owner(user, &tokens).post("/auth/logout", &json!({})).await
    };
    let (refreshed, logged_out, ()) = tokio::join!(refresh, logout, let_go);
    assert_eq!(logged_out.expect(204), Value::Null);

    let live = "SELECT count(*) FROM user_service.auth_tokens WHERE state = 'ACTIVE'";
    assert_eq!(world.count(live).await, 0);
    let successor = Tokens::of(&refreshed.expect(200));
    let reply = world.refresh(&successor.refresh).await;
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
}

/// Waits until that many statements of the service wait for a lock.
async fn waiting_for_locks(world: &World, statements: i64) {
    eventually("statements wait for a lock", Duration::from_secs(30), || async {
        let waiting: i64 = sqlx::query_scalar(
            r"
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = 'user_svc_user' AND wait_event_type = 'Lock'
            ",
        )
        .fetch_one(&world.db)
        .await
        .unwrap();
        (waiting >= statements).then_some(())
    })
    .await;
}

#[tokio::test]
async fn only_who_is_signed_in_can_sign_out() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let body = json!({});
    let nobody = world.api.post("/auth/logout", &body).await;
    nobody.expect_problem(401, "UNAUTHENTICATED");
    let tokenless = world.api.as_user(user).post("/auth/logout", &body).await;
    tokenless.expect_problem(401, "UNAUTHENTICATED");
    let forged = format!("{}x", tokens.access);
    for authorization in [
        format!("Bearer {forged}"),
        format!("Basic {}", tokens.access),
        format!("Bearer {}", tokens.refresh),
        "Bearer".to_owned(),
        String::new(),
    ] {
        let caller = world.api.as_user(user).with_header("authorization", &authorization);
        let reply = caller.post("/auth/logout", &body).await;
        reply.expect_problem(401, "UNAUTHENTICATED");
    }
    let _pair = world.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn a_logout_with_a_bad_body_ends_nothing() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let owner = world.as_owner(user, &tokens);
    let reply = owner.post("/auth/logout", &json!({ "everywhere": true })).await;
    let problem = reply.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(fields(&problem), ["everywhere"]);
    let send = async |content_type: &str, body: &[u8]| {
        let body = Some((content_type, body.to_vec()));
        owner.send(Method::POST, "/auth/logout", body).await
    };
    send("application/json", b"{")
        .await
        .expect_problem(400, "MALFORMED_REQUEST");
    send("text/plain", b"{}")
        .await
        .expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    send("application/json", &[b' '; 65 * 1024])
        .await
        .expect_problem(413, "PAYLOAD_TOO_LARGE");
    let _pair = world.refresh(&tokens.refresh).await.expect(200);
}
