//! Administrators, and the keys of personal data.

use test_support::TestEnv;

use crate::command::{superuser, ticketctl};

const CREATE: [&str; 6] = [
    "admin",
    "create",
    "--email",
    "admin@example.com",
    "--password",
    "correct-horse-1",
];

#[tokio::test]
async fn an_administrator_is_created_once() {
    let env = TestEnv::new().await.with("BCRYPT_COST", 4);
    let first = ticketctl(&env, &CREATE).await.ok();
    assert!(first.starts_with("created "), "{first}");
    let second = ticketctl(&env, &CREATE).await.ok();
    assert!(second.contains("left as it is"), "{second}");
    let roles: Vec<String> = sqlx::query_scalar("select role::text from user_service.users")
        .fetch_all(&superuser(&env).await)
        .await
        .unwrap();
    assert_eq!(roles, ["ADMIN"]);
}

#[tokio::test]
async fn an_administrator_is_listed_locked_and_unlocked() {
    let env = TestEnv::new().await.with("BCRYPT_COST", 4);
    ticketctl(&env, &CREATE).await.ok();
    let change = async |what| ticketctl(&env, &["admin", what, "--email", "admin@example.com"]).await;
    assert_eq!(change("lock").await.ok(), "locked\n");
    assert!(change("lock").await.ok().contains("so before"));
    let listed = ticketctl(&env, &["admin", "list"]).await.ok();
    assert!(
        listed.contains("LOCKED") && listed.contains("admin@example.com"),
        "{listed}"
    );
    assert_eq!(change("unlock").await.ok(), "unlocked\n");
    let nobody = ticketctl(&env, &["admin", "lock", "--email", "nobody@example.com"]).await;
    assert!(
        !nobody.success && nobody.stderr.contains("no administrator"),
        "{nobody:?}"
    );
}

#[tokio::test]
async fn keys_are_counted_and_exchanged() {
    const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let mut env = TestEnv::new()
        .await
        .with("BCRYPT_COST", 4)
        .with("PERSONAL_DATA_KEYS", OLD);
    ticketctl(&env, &CREATE).await.ok();
    let keys = async |env: &TestEnv, what| ticketctl(env, &["keys", what]).await;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&keys(&env, "status").await.ok()), "old 1 rows encrypts");

    env.set("PERSONAL_DATA_KEYS", format!("{NEW},{OLD}"));
    assert_eq!(
        words(&keys(&env, "status").await.ok()),
        "new 0 rows encrypts old 1 rows decrypts"
    );
    assert!(keys(&env, "rotate").await.ok().starts_with("1 rows written anew"));
    let status = words(&keys(&env, "status").await.ok());
    assert_eq!(status, "new 1 rows encrypts old 0 rows decrypts; may be taken away");

    env.set("PERSONAL_DATA_KEYS", OLD);
    let status = words(&keys(&env, "status").await.ok());
    assert!(status.contains("new 1 rows MISSING"), "{status}");
    let refused = keys(&env, "rotate").await;
    assert!(
        !refused.success && refused.stderr.contains("1 rows cannot be opened"),
        "{refused:?}"
    );
}
