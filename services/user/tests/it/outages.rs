use crate::helpers::World;
use serde_json::json;
use test_support::Api;
use uuid::Uuid;

/// Nothing listens there.
const NOWHERE: &str = "127.0.0.1:1";

#[tokio::test]
async fn without_its_database_the_service_starts_says_so_and_asks_to_come_again() {
    let world = World::start_with(&[("DATABASE_URL", &format!("postgres://user@{NOWHERE}/ticketing"))]).await;
    // Each of them waits a little for the database to come back.
    let (outsider, user) = (Api::new(&world.url), world.api.as_user(Uuid::now_v7()));
    let (ready, login, refresh, me) = tokio::join!(
        outsider.get("/health/ready"),
        world.try_login("buyer@example.com", "Passw0rd!"),
        world.refresh("rt_x"),
        user.get("/users/me"),
    );
    assert_eq!(
        ready.expect(503),
        json!({ "status": "DOWN", "checks": { "postgresql": "DOWN", "redis": "UP" } })
    );
    for reply in [login, refresh, me] {
        assert!(reply.header("retry-after").is_some());
        let problem = reply.expect_problem(503, "SERVICE_UNAVAILABLE");
        assert!(!problem.to_string().contains("127.0.0.1"), "it says why: {problem}");
    }
}

#[tokio::test]
async fn without_redis_a_logout_is_not_claimed_and_everything_else_goes_on() {
    let world = World::start_with(&[("REDIS_URL", &format!("redis://{NOWHERE}"))]).await;
    let ready = Api::new(&world.url).get("/health/ready").await.expect(503);
    assert_eq!(
        ready,
        json!({ "status": "DOWN", "checks": { "postgresql": "UP", "redis": "DOWN" } })
    );
    let (user, tokens) = world.signed_in_buyer().await;
    let reply = world.as_owner(user, &tokens).post("/auth/logout", &json!({})).await;
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    // Nobody gets new tokens of that session any more; its access token lives until it expires or the logout is repeated.
    let reply = world.refresh(&tokens.refresh).await;
    reply.expect_problem(401, "REFRESH_TOKEN_INVALID");
}
