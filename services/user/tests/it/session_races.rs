//! Sessions that end while others begin or go on.

use crate::helpers::{Person, World};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use test_support::eventually;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);
const NEW: &str = "N3w-passw0rd";

/// Somebody else's transaction that has locked the account.
async fn holding(world: &World, user: Uuid) -> PgConnection {
    let mut other = PgConnection::connect(&world.env.superuser_url()).await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut other).await.unwrap();
    sqlx::query("SELECT 1 FROM user_service.users WHERE id = $1 FOR NO KEY UPDATE")
        .bind(user)
        .execute(&mut other)
        .await
        .unwrap();
    other
}

/// Until the service waits for that lock.
async fn somebody_waits(world: &World) {
    eventually("somebody waits for the account", SOON, || async {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (world.count(waiting).await > 0).then_some(())
    })
    .await;
}

async fn live_tokens(world: &World) -> i64 {
    let live = "SELECT count(*) FROM user_service.auth_tokens WHERE state = 'ACTIVE'";
    world.count(live).await
}

#[tokio::test]
async fn an_old_password_that_was_right_a_moment_ago_begins_no_session() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let user = world.register(&buyer).await;
    let mut other = holding(&world, user).await;
    let login = world.try_login(&buyer.email, &buyer.password);
    let change = async {
        somebody_waits(&world).await;
        let change = "UPDATE user_service.users SET password_hash = 'another'; COMMIT";
        sqlx::raw_sql(change).execute(&mut other).await.unwrap();
    };
    let (reply, ()) = tokio::join!(login, change);
    reply.expect_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(live_tokens(&world).await, 0);
}

#[tokio::test]
async fn a_refresh_that_waits_while_its_session_ends_has_no_successor() {
    let world = World::start().await;
    let (user, tokens) = world.signed_in_buyer().await;
    let mut other = holding(&world, user).await;
    let refresh = world.refresh(&tokens.refresh);
    let end = async {
        somebody_waits(&world).await;
        let end = "UPDATE user_service.auth_tokens SET state = 'REVOKED'; COMMIT";
        sqlx::raw_sql(end).execute(&mut other).await.unwrap();
    };
    let (reply, ()) = tokio::join!(refresh, end);
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
    assert_eq!(live_tokens(&world).await, 0);
}

#[tokio::test]
async fn whatever_is_refreshed_or_begun_while_the_password_changes_only_the_asking_session_lives() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, mine) = world.signed_in_buyer().await;
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(world.login(&buyer).await);
    }
    let owner = world.as_owner(user, &mine);
    let body = json!({ "currentPassword": buyer.password, "newPassword": NEW });
    let refreshes = futures_util::future::join_all(others.iter().map(|tokens| async {
        let mut refresh = tokens.refresh.clone();
        // On and on, until the session has ended.
        loop {
            let reply = world.refresh(&refresh).await;
            if reply.status != 200 {
                return reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
            }
            refresh = reply.body["refreshToken"].as_str().unwrap().to_owned();
        }
    }));
    let logins = futures_util::future::join_all((0..8).map(|_| world.try_login(&buyer.email, &buyer.password)));
    let change = owner.put("/users/me/password", &body);
    let (_, logins, change) = tokio::join!(refreshes, logins, change);
    let _done = change.expect(204);
    for reply in logins {
        assert!([200, 401, 423].contains(&reply.status.as_u16()), "{}", reply.status);
    }
    assert_eq!(live_tokens(&world).await, 1);
    for tokens in &others {
        assert!(world.session_blacklisted_for(tokens.session()).await.is_some());
    }
    let _pair = world.refresh(&mine.refresh).await.expect(200);
}

#[tokio::test]
async fn of_two_changes_at_once_one_wins() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let (user, first) = world.signed_in_buyer().await;
    let second = world.login(&buyer).await;
    let bodies =
        ["One-passw0rd", "Tw0-password"].map(|new| json!({ "currentPassword": buyer.password, "newPassword": new }));
    let (one, two) = (world.as_owner(user, &first), world.as_owner(user, &second));
    let (one, two) = tokio::join!(
        one.put("/users/me/password", &bodies[0]),
        two.put("/users/me/password", &bodies[1]),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401]);
    assert_eq!(live_tokens(&world).await, 1);
}
