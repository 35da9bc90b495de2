use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// What was done with administrator's rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    AdminCreated,
    /// Somebody's personal data was shown.
    UserRead,
    UserLocked,
    UserUnlocked,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AdminCreated => "ADMIN_CREATED",
            Self::UserRead => "USER_READ",
            Self::UserLocked => "USER_LOCKED",
            Self::UserUnlocked => "USER_UNLOCKED",
        }
    }
}

/// Notes what was done to each of the accounts, in the transaction of what was done. Without an actor it was an operator with
/// ticketctl. `details` must hold no personal data.
pub(crate) async fn record(
    connection: &mut PgConnection,
    actor: Option<Uuid>,
    action: Action,
    targets: &[Uuid],
    details: &Value,
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = targets.iter().map(|_| Uuid::now_v7()).collect();
    sqlx::query!(
        r#"
        INSERT INTO user_service.admin_audit_log (id, actor_id, action, target_id, request_id, details)
        SELECT row.id, $3, $4, row.target, $5, $6
        FROM unnest($1::uuid[], $2::uuid[]) AS row (id, target)
        "#,
        &ids,
        targets,
        actor,
        action.as_str(),
        common::context::try_current().map(|context| context.request_id),
        details,
    )
    .execute(connection)
    .await?;
    Ok(())
}
