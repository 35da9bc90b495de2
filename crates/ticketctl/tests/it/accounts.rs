//! The first administrator.

use test_support::TestEnv;

use crate::command::{superuser, ticketctl};

#[tokio::test]
async fn an_administrator_is_created_once() {
    let env = TestEnv::new().await.with("BCRYPT_COST", 4);
    let create = [
        "admin",
        "create",
        "--email",
        "admin@example.com",
        "--password",
        "correct-horse-1",
    ];
    let first = ticketctl(&env, &create).await.ok();
    assert!(first.starts_with("created "), "{first}");
    let second = ticketctl(&env, &create).await.ok();
    assert!(second.contains("left as it is"), "{second}");
    let roles: Vec<String> = sqlx::query_scalar("select role::text from user_service.users")
        .fetch_all(&superuser(&env).await)
        .await
        .unwrap();
    assert_eq!(roles, ["ADMIN"]);
}
