use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// Erases all personal data of an active account, if its password is still the one that was shown (none for an account
/// without one). False if it is not as it was. What was written about its sign-ins keeps its times, not its addresses.
pub(crate) async fn erase(
    connection: &mut PgConnection,
    user: Uuid,
    password_hash: Option<&str>,
) -> sqlx::Result<bool> {
    let erased = sqlx::query!(
        r#"
        UPDATE user_service.users
        SET status = 'DELETED', deleted_at = clock_timestamp(), updated_at = clock_timestamp(),
            email_encrypted = NULL, email_hash = NULL, password_hash = NULL, name_encrypted = NULL, phone_encrypted = NULL,
            ci_encrypted = NULL, di_encrypted = NULL
        WHERE id = $1 AND status = 'ACTIVE' AND password_hash IS NOT DISTINCT FROM $2
        "#,
        user,
        password_hash,
    )
    .execute(&mut *connection)
    .await?;
    if erased.rows_affected() == 0 {
        return Ok(false);
    }
    // After the account: an attempt to sign in that was being written held the account's row until it was.
    sqlx::query!(
        "UPDATE user_service.login_history SET ip_address = NULL, user_agent = NULL WHERE user_id = $1",
        user,
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// Lets a person return who deleted their account so long ago: the keyed hashes of the CI and of social accounts, the last
/// that was kept, go. In the transaction that registers them; of two at once the second finds what the first made.
pub(crate) async fn release(connection: &mut PgConnection, ci_hash: &[u8; 32], after: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH released AS (
            UPDATE user_service.users
            SET ci_hash = NULL
            WHERE ci_hash = $1 AND status = 'DELETED' AND deleted_at <= clock_timestamp() - make_interval(secs => $2)
            RETURNING id
        )
        DELETE FROM user_service.social_accounts WHERE user_id IN (SELECT id FROM released)
        "#,
        ci_hash.as_slice(),
        after.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The same for some that did not return; how many.
pub(crate) async fn release_some(connection: &mut PgConnection, after: Duration, limit: i64) -> sqlx::Result<u64> {
    let released = sqlx::query_scalar!(
        r#"
        WITH due AS (
            SELECT id FROM user_service.users
            WHERE status = 'DELETED' AND ci_hash IS NOT NULL
              AND deleted_at <= clock_timestamp() - make_interval(secs => $1)
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        ), released AS (
            UPDATE user_service.users SET ci_hash = NULL WHERE id IN (SELECT id FROM due) RETURNING id
        ), unlinked AS (
            DELETE FROM user_service.social_accounts WHERE user_id IN (SELECT id FROM due)
        )
        SELECT count(*) AS "count!" FROM released
        "#,
        after.as_secs_f64(),
        limit,
    )
    .fetch_one(connection)
    .await?;
    Ok(released.unsigned_abs())
}
