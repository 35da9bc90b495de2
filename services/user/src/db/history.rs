use sqlx::PgConnection;
use uuid::Uuid;

/// One attempt to sign in.
pub(crate) struct Attempt<'a> {
    /// None if there is no such account: then nothing is remembered, at the same cost.
    pub(crate) user: Option<Uuid>,
    pub(crate) ip_address: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    /// None for a success.
    pub(crate) failure: Option<&'a str>,
}

/// Remembers an attempt. A failure does not wait for the disk: the wait would tell by time that the account exists, and a
/// crash may cost the last failures.
pub(crate) async fn record(connection: &mut PgConnection, attempt: &Attempt<'_>) -> sqlx::Result<()> {
    if attempt.failure.is_some() {
        sqlx::query!("SET LOCAL synchronous_commit = off")
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query!(
        r#"
        INSERT INTO user_service.login_history (id, user_id, ip_address, user_agent, login_method, success, failure_reason)
        SELECT $1, id, $3, $4, 'EMAIL', $5, $6
        FROM user_service.users
        WHERE id = $2
        "#,
        Uuid::now_v7(),
        attempt.user,
        attempt.ip_address,
        attempt.user_agent,
        attempt.failure.is_none(),
        attempt.failure,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn audit(
    connection: &mut PgConnection,
    actor: Option<Uuid>,
    action: &str,
    target: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO user_service.admin_audit_log (id, actor_id, action, target_id) VALUES ($1, $2, $3, $4)",
        Uuid::now_v7(),
        actor,
        action,
        target,
    )
    .execute(connection)
    .await?;
    Ok(())
}
