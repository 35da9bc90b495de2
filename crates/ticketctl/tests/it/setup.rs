//! Setting a system up may be repeated, and in production not by accident.

use test_support::TestEnv;

use crate::command::ticketctl;

#[tokio::test]
async fn topics_are_created_once() {
    let env = TestEnv::new().await;
    let first = ticketctl(&env, &["topics", "create"]).await.ok();
    assert!(
        first.contains(&format!("created {}payment.events", env.topic_prefix())),
        "{first}"
    );
    assert!(first.contains("10 topics created"), "{first}");
    let second = ticketctl(&env, &["topics", "create"]).await.ok();
    assert!(second.contains("0 topics created"), "{second}");
    let careless = ticketctl(&env, &["topics", "recreate"]).await;
    assert!(
        careless.code == Some(2) && careless.stderr.contains("--lose-messages"),
        "{careless:?}"
    );
}

#[tokio::test]
async fn migrating_again_changes_nothing_and_production_needs_passwords() {
    let env = TestEnv::new().await;
    ticketctl(&env, &["migrate"]).await.ok();
    let env = env.with("APP_ENV", "prod");
    let refused = ticketctl(&env, &["migrate"]).await;
    assert!(!refused.success);
    assert!(
        refused.stderr.contains("DB_PASSWORD_USER: must be set in prod"),
        "{refused:?}"
    );
}
