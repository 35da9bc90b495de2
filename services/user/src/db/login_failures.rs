use sqlx::PgConnection;
use std::time::Duration;

/// Counts one more, unless the limit is reached. At the limit the count stands for `span` and then begins anew; below it,
/// it is forgotten `span` after its first failure. False if the limit was reached before.
pub(crate) async fn count(
    connection: &mut PgConnection,
    key: &[u8; 32],
    limit: i32,
    span: Duration,
) -> sqlx::Result<bool> {
    let counted = sqlx::query_scalar!(
        r#"
        INSERT INTO user_service.login_failures AS f (key_hash, failures, expires_at)
        VALUES ($1, 1, clock_timestamp() + make_interval(secs => $3))
        ON CONFLICT (key_hash) DO UPDATE SET
            failures = CASE WHEN f.expires_at <= clock_timestamp() THEN 1 ELSE f.failures + 1 END,
            expires_at = CASE
                WHEN f.expires_at <= clock_timestamp() OR f.failures + 1 >= $2 THEN EXCLUDED.expires_at
                ELSE f.expires_at
            END
        WHERE f.failures < $2 OR f.expires_at <= clock_timestamp()
        RETURNING failures
        "#,
        key.as_slice(),
        limit,
        span.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(counted.is_some())
}

/// For how long the count still stands.
pub(crate) async fn remaining(connection: &mut PgConnection, key: &[u8; 32]) -> sqlx::Result<Duration> {
    let seconds = sqlx::query_scalar!(
        r#"
        SELECT EXTRACT(EPOCH FROM expires_at - clock_timestamp())::float8 AS "seconds!"
        FROM user_service.login_failures
        WHERE key_hash = $1
        "#,
        key.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(Duration::from_secs_f64(seconds.unwrap_or_default().max(0.0)))
}

/// Takes one failure back that was none.
pub(crate) async fn uncount(connection: &mut PgConnection, key: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE user_service.login_failures SET failures = failures - 1 WHERE key_hash = $1 AND failures > 0",
        key.as_slice(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn reset(connection: &mut PgConnection, key: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM user_service.login_failures WHERE key_hash = $1",
        key.as_slice()
    )
    .execute(connection)
    .await?;
    Ok(())
}
