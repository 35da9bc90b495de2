use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// Some accounts after `after` that nobody has signed in to for so long, locked. Accounts without a verified identity, the
/// operator's administrators, are left out: they could never be woken up.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    silence: Duration,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id
        FROM user_service.users
        WHERE id > $1
          AND status = 'ACTIVE'
          AND ci_hash IS NOT NULL
          AND GREATEST(created_at, last_login_at, reactivated_at) < clock_timestamp() - make_interval(secs => $2)
        ORDER BY id
        LIMIT $3
        FOR NO KEY UPDATE SKIP LOCKED
        "#,
        after,
        silence.as_secs_f64(),
        limit,
    )
    .fetch_all(connection)
    .await
}

pub(crate) async fn make_dormant(connection: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE user_service.users SET status = 'DORMANT', updated_at = clock_timestamp() WHERE id = ANY($1)",
        users,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Wakes an account up; false if it does not sleep.
pub(crate) async fn reactivate(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<bool> {
    let result = sqlx::query!(
        r#"
        UPDATE user_service.users
        SET status = 'ACTIVE', reactivated_at = clock_timestamp(), updated_at = clock_timestamp()
        WHERE id = $1 AND status = 'DORMANT'
        "#,
        user,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
