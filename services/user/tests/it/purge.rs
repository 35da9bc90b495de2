use crate::helpers::{Person, World};
use std::time::Duration;
use test_support::eventually;

#[tokio::test]
async fn what_has_had_its_time_is_deleted_and_nothing_else() {
    let world = World::start_with(&[("ACCOUNT_PURGE_INTERVAL_SECONDS", "0.2")]).await;
    let buyer = Person::buyer();
    let (_, tokens) = world.signed_in_buyer().await;
    // More than one chunk of them.
    world
        .execute(
            "INSERT INTO user_service.login_history (id, user_id, login_method, success, created_at)
             SELECT gen_random_uuid(), id, 'EMAIL', TRUE, now() - interval '366 days'
             FROM user_service.users, generate_series(1, 2100)",
        )
        .await;
    for statement in [
        "INSERT INTO user_service.login_history (id, user_id, login_method, success, created_at)
         SELECT gen_random_uuid(), id, 'EMAIL', TRUE, now() - interval '364 days' FROM user_service.users",
        "INSERT INTO user_service.auth_tokens (id, user_id, family_id, token_hash, expires_at)
         SELECT gen_random_uuid(), id, gen_random_uuid(), sha256('old'), now() - interval '25 hours' FROM user_service.users",
        "INSERT INTO user_service.auth_tokens (id, user_id, family_id, token_hash, expires_at)
         SELECT gen_random_uuid(), id, gen_random_uuid(), sha256('young'), now() - interval '23 hours' FROM user_service.users",
        "INSERT INTO user_service.login_failures (key_hash, failures, expires_at)
         VALUES (sha256('old'), 5, now()), (sha256('young'), 5, now() + interval '1 hour')",
        "INSERT INTO user_service.used_identity_verifications (verification_hash, used_at)
         VALUES (sha256('old'), now() - interval '31 days')",
    ] {
        world.execute(statement).await;
    }
    // A registration and a login of now, and what is young.
    let expected = [
        ("history", "SELECT count(*) FROM user_service.login_history", 2),
        ("tokens", "SELECT count(*) FROM user_service.auth_tokens", 2),
        (
            "verifications",
            "SELECT count(*) FROM user_service.used_identity_verifications",
            1,
        ),
        (
            "failures",
            "SELECT count(*) FROM user_service.login_failures WHERE key_hash = sha256('old')",
            0,
        ),
        (
            "failures of now",
            "SELECT count(*) FROM user_service.login_failures WHERE key_hash = sha256('young')",
            1,
        ),
    ];
    for (what, count, left) in expected {
        eventually(what, Duration::from_secs(20), || async {
            (world.count(count).await == left).then_some(())
        })
        .await;
    }
    let _pair = world.refresh(&tokens.refresh).await.expect(200);
    world.login(&buyer).await;
}
