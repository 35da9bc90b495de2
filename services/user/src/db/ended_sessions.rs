use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// A session whose access tokens must be refused.
pub(crate) struct EndedSession {
    pub(crate) session_id: Uuid,
    pub(crate) ended_at: DateTime<Utc>,
}

/// Remembers sessions that end in this transaction; ending twice is no error.
pub(crate) async fn insert(connection: &mut PgConnection, sessions: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO user_service.ended_sessions (session_id)
        SELECT unnest($1::uuid[])
        ON CONFLICT (session_id) DO NOTHING
        "#,
        sessions,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes on some that the blacklist may lack, and locks them until the transaction ends: a reset in between waits, and then
/// holds.
pub(crate) async fn claim_missing(connection: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<EndedSession>> {
    sqlx::query_as!(
        EndedSession,
        r#"
        SELECT session_id, ended_at
        FROM user_service.ended_sessions
        WHERE blacklisted_at IS NULL
        ORDER BY ended_at
        LIMIT $1
        FOR UPDATE SKIP LOCKED
        "#,
        limit,
    )
    .fetch_all(connection)
    .await
}

pub(crate) async fn mark_blacklisted(connection: &mut PgConnection, sessions: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE user_service.ended_sessions
        SET blacklisted_at = clock_timestamp()
        WHERE session_id = ANY($1)
        "#,
        sessions,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The blacklist may have lost any of them: all are to be told again. No condition spares those that somebody is at right
/// now, since what was told before the loss does not count.
pub(crate) async fn forget_blacklisted(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let result = sqlx::query!("UPDATE user_service.ended_sessions SET blacklisted_at = NULL")
        .execute(connection)
        .await?;
    Ok(result.rows_affected())
}

/// Forgets those whose access tokens have all expired.
pub(crate) async fn delete_old(connection: &mut PgConnection, age: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM user_service.ended_sessions WHERE ended_at < clock_timestamp() - make_interval(secs => $1)",
        age.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
