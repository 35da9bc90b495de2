use crate::helpers::{Person, World};
use std::time::Duration;
use test_support::{Login, Running, eventually};
use user_service::{Config, build};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

async fn set(world: &World, user: Uuid, change: &'static str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "UPDATE user_service.users SET {change} WHERE id = '{user}'"
    )))
    .execute(&world.db)
    .await
    .unwrap();
}

#[tokio::test]
async fn an_account_sleeps_after_a_year_without_login() {
    let world = World::start_with(&[("DORMANCY_INTERVAL_SECONDS", "0.2")]).await;
    let mut people = Vec::new();
    for number in 0..7 {
        let person = Person::numbered(number);
        let user = world.register(&person).await;
        people.push((user, world.login(&person).await));
    }
    let [late, never, woken, operators, locked, fresh, last] =
        <[_; 7]>::try_from(people.iter().map(|(user, _)| *user).collect::<Vec<_>>()).unwrap();
    set(
        &world,
        late,
        "created_at = now() - interval '9 years', last_login_at = now() - interval '364 days'",
    )
    .await;
    set(
        &world,
        woken,
        "created_at = now() - interval '9 years', last_login_at = now() - interval '2 years', reactivated_at = now()",
    )
    .await;
    set(
        &world,
        operators,
        "ci_hash = NULL, role = 'ADMIN', created_at = now() - interval '9 years', last_login_at = now() - interval '2 years'",
    )
    .await;
    set(
        &world,
        locked,
        "status = 'LOCKED', created_at = now() - interval '9 years', last_login_at = NULL",
    )
    .await;
    set(&world, fresh, "last_login_at = NULL").await;
    set(
        &world,
        never,
        "created_at = now() - interval '366 days', last_login_at = NULL",
    )
    .await;
    // The job goes through the accounts in their order, so when the last one sleeps it has been at the others.
    set(
        &world,
        last,
        "created_at = now() - interval '9 years', last_login_at = now() - interval '366 days'",
    )
    .await;
    eventually("the last one sleeps", SOON, || async {
        (world.status_of(last).await == "DORMANT").then_some(())
    })
    .await;
    assert_eq!(world.status_of(never).await, "DORMANT");
    assert_eq!(world.status_of(locked).await, "LOCKED");
    for awake in [late, woken, operators, fresh] {
        assert_eq!(world.status_of(awake).await, "ACTIVE");
    }

    let (_, tokens) = &people[6];
    eventually("the gateway knows", SOON, || async {
        world.session_blacklisted_for(tokens.session()).await
    })
    .await;
    let reply = world.refresh(&tokens.refresh).await;
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
    let person = Person::numbered(6);
    let reply = world.try_login(&person.email, &person.password).await;
    reply.expect_problem(403, "ACCOUNT_DORMANT");
}

#[tokio::test]
async fn replicas_share_the_accounts_that_fall_asleep() {
    let world = World::start_with(&[("DORMANCY_INTERVAL_SECONDS", "3600")]).await;
    world
        .execute(
            "INSERT INTO user_service.users (id, email_hash, ci_hash, created_at)
             SELECT gen_random_uuid(), sha256(n::text::bytea), sha256(n::text::bytea), now() - interval '2 years'
             FROM generate_series(1, 250) n",
        )
        .await;
    let replica = || async {
        let config = Config::from_env(&world.env.env(Some(Login::User))).unwrap();
        Running::start(build(config).await.unwrap())
    };
    let _replicas = [replica().await, replica().await];
    eventually("all of them sleep", SOON, || async {
        let awake = "SELECT count(*) FROM user_service.users WHERE status = 'ACTIVE'";
        (world.count(awake).await == 0).then_some(())
    })
    .await;
}
