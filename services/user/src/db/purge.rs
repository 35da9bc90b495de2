//! Deleting what has had its time, in chunks. Each returns how many rows it deleted.

use sqlx::PgConnection;
use std::time::Duration;

/// Counts that are forgotten.
pub(crate) async fn login_failures(connection: &mut PgConnection, limit: i64) -> sqlx::Result<u64> {
    let result = sqlx::query!(
        r#"
        DELETE FROM user_service.login_failures
        WHERE key_hash IN (
            SELECT key_hash FROM user_service.login_failures
            WHERE expires_at < clock_timestamp()
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
        "#,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

pub(crate) async fn login_history(connection: &mut PgConnection, age: Duration, limit: i64) -> sqlx::Result<u64> {
    let result = sqlx::query!(
        r#"
        DELETE FROM user_service.login_history
        WHERE id IN (
            SELECT id FROM user_service.login_history
            WHERE created_at < clock_timestamp() - make_interval(secs => $1)
            LIMIT $2
        )
        "#,
        age.as_secs_f64(),
        limit,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

/// Tokens that expired a day ago: they are refused by their age, and no older copy of a live session's needs them.
pub(crate) async fn refresh_tokens(connection: &mut PgConnection, limit: i64) -> sqlx::Result<u64> {
    let result = sqlx::query!(
        r#"
        DELETE FROM user_service.auth_tokens
        WHERE id IN (
            SELECT id FROM user_service.auth_tokens
            WHERE expires_at < clock_timestamp() - INTERVAL '1 day'
            LIMIT $1
        )
        "#,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

/// Verifications that were used a month ago: PortOne's own time-stamp has made them too old since.
pub(crate) async fn used_verifications(connection: &mut PgConnection, limit: i64) -> sqlx::Result<u64> {
    let result = sqlx::query!(
        r#"
        DELETE FROM user_service.used_identity_verifications
        WHERE verification_hash IN (
            SELECT verification_hash FROM user_service.used_identity_verifications
            WHERE used_at < clock_timestamp() - INTERVAL '30 days'
            LIMIT $1
        )
        "#,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}
