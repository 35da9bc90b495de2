use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// What an administrator did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Created,
    Changed,
    Cancelled,
    Deleted,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Changed => "CHANGED",
            Self::Cancelled => "CANCELLED",
            Self::Deleted => "DELETED",
        }
    }
}

/// To what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Venue(Uuid),
    Hall(Uuid),
    Event(Uuid),
}

impl Target {
    const fn kind_and_id(self) -> (&'static str, Uuid) {
        match self {
            Self::Venue(id) => ("VENUE", id),
            Self::Hall(id) => ("HALL", id),
            Self::Event(id) => ("EVENT", id),
        }
    }
}

/// Notes an administrative change, in its transaction. `details` is what was asked for.
pub(crate) async fn record(
    connection: &mut PgConnection,
    admin: Uuid,
    action: Action,
    target: Target,
    details: &impl Serialize,
) -> Result<(), sqlx::Error> {
    let (target_type, target_id) = target.kind_and_id();
    sqlx::query!(
        r#"
            INSERT INTO event_service.admin_audit_log
                (id, admin_id, action, target_type, target_id, request_id, details)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        Uuid::now_v7(),
        admin,
        action.as_str(),
        target_type,
        target_id,
        common::context::current().request_id,
        Json(details) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
