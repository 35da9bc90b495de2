//! What the gateway is told of sessions that ended, whatever dies in between.

use crate::helpers::{Person, World};
use serde_json::json;
use std::time::Duration;
use test_support::{
    eventually,
    servers::{Missing, OwnRedis},
};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);
const QUICK: (&str, &str) = ("BLACKLIST_INTERVAL_SECONDS", "0.2");

async fn told(world: &World, session: Uuid) -> i64 {
    eventually("the gateway knows", SOON, || async {
        world.session_blacklisted_for(session).await
    })
    .await
}

#[tokio::test]
async fn a_session_whose_end_was_committed_and_no_more_is_told_by_the_worker() {
    let world = World::start_with(&[QUICK]).await;
    // As whoever died after the commit left them.
    let now: Uuid = sqlx::query_scalar(
        "INSERT INTO user_service.ended_sessions (session_id) VALUES (gen_random_uuid()) RETURNING session_id",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    let a_while_ago: Uuid = sqlx::query_scalar(
        "INSERT INTO user_service.ended_sessions (session_id, ended_at)
         VALUES (gen_random_uuid(), now() - interval '30 minutes') RETURNING session_id",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    // For as long as an access token of the session may live.
    assert!((3600..=3660).contains(&told(&world, now).await));
    assert!((1800..=1860).contains(&told(&world, a_while_ago).await));
}

#[tokio::test]
async fn what_redis_forgets_it_is_told_again() {
    let world = World::start_with(&[QUICK]).await;
    let (user, tokens) = world.signed_in_buyer().await;
    let _done = world
        .as_owner(user, &tokens)
        .post("/auth/logout", &json!({}))
        .await
        .expect(204);
    for _ in 0..2 {
        told(&world, tokens.session()).await;
        redis::cmd("FLUSHDB")
            .query_async::<()>(&mut world.redis().await)
            .await
            .unwrap();
    }
    told(&world, tokens.session()).await;
}

#[tokio::test]
async fn while_redis_is_away_a_password_is_changed_and_the_gateway_hears_of_it_afterwards() {
    let Ok(mut redis) = OwnRedis::start().await.inspect_err(Missing::report) else {
        return;
    };
    let world = World::start_with(&[QUICK, ("REDIS_URL", &redis.url())]).await;
    let buyer = Person::buyer();
    let (user, mine) = world.signed_in_buyer().await;
    let other = world.login(&buyer).await;
    redis.kill().await;
    let body = json!({ "currentPassword": buyer.password, "newPassword": "N3w-passw0rd" });
    let reply = world.as_owner(user, &mine).put("/users/me/password", &body).await;
    let _done = reply.expect(204);
    let reply = world.refresh(&other.refresh).await;
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");

    redis.restart_empty().await;
    let mut connection = redis.connection().await;
    let key = format!("token:blacklist:sid:{}", other.session());
    for (key, expected) in [(key, true), (format!("token:blacklist:sid:{}", mine.session()), false)] {
        if expected {
            eventually("the gateway knows", SOON, async || {
                let mut connection = connection.clone();
                let known: bool = redis::cmd("EXISTS")
                    .arg(&key)
                    .query_async(&mut connection)
                    .await
                    .unwrap();
                known.then_some(())
            })
            .await;
        } else {
            let known: bool = redis::cmd("EXISTS")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .unwrap();
            assert!(!known, "the session that asked goes on");
        }
    }
}

#[tokio::test]
async fn a_session_is_forgotten_once_its_tokens_have_expired() {
    let world = World::start_with(&[QUICK]).await;
    world
        .execute(
            "INSERT INTO user_service.ended_sessions (session_id, ended_at)
             SELECT gen_random_uuid(), now() - age FROM unnest(ARRAY[interval '50 minutes', interval '62 minutes']) age",
        )
        .await;
    eventually("the old one is forgotten", SOON, || async {
        let left = world.count("SELECT count(*) FROM user_service.ended_sessions").await;
        (left == 1).then_some(())
    })
    .await;
}
