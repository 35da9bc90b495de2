use super::event_settings::Changed;
use crate::domain::Actor;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// Notes who changed how an event's line moves, in the transaction of the change, with what was set before and after it; null
/// stands for the service's default.
pub(crate) async fn settings_changed(
    connection: &mut PgConnection,
    actor: Actor<'_>,
    event: Uuid,
    changed: &Changed,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            INSERT INTO queue_service.admin_audit_log
                (id, admin_id, operator, action, target_type, target_id, request_id, details)
            VALUES ($1, $2, $3, 'QUEUE_SETTINGS_CHANGED', 'EVENT', $4, $5, $6)
        "#,
        Uuid::now_v7(),
        actor.admin(),
        actor.operator(),
        event,
        common::context::current().request_id,
        Json(changed) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
