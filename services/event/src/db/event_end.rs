//! How concerts end before their time: cancelled, or deleted before anybody could buy.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// What the database decided about a cancellation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancelled {
    pub(crate) version: i64,
    pub(crate) cancelled_at: DateTime<Utc>,
}

/// Cancels a concert, which locks its row. Nothing if it was cancelled before or is not there.
pub(crate) async fn cancel(
    connection: &mut PgConnection,
    id: Uuid,
    reason: &str,
) -> Result<Option<Cancelled>, sqlx::Error> {
    sqlx::query_as!(
        Cancelled,
        r#"
            UPDATE event_service.events
            SET cancelled_at = clock_timestamp(),
                cancel_reason = $2,
                version = version + 1,
                updated_at = clock_timestamp()
            WHERE id = $1 AND cancelled_at IS NULL
            RETURNING version, cancelled_at AS "cancelled_at!"
        "#,
        id,
        reason,
    )
    .fetch_optional(connection)
    .await
}

/// What decides whether a concert may be deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sale {
    /// Whether its sale has opened, by the database's clock.
    pub(crate) begun: bool,
    pub(crate) cancelled: bool,
}

/// How far a concert's sale has come, if there is such a concert.
pub(crate) async fn sale(executor: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Sale>, sqlx::Error> {
    sqlx::query_as!(
        Sale,
        r#"
            SELECT sale_start_at <= clock_timestamp() AS "begun!", cancelled_at IS NOT NULL AS "cancelled!"
            FROM event_service.events
            WHERE id = $1
        "#,
        id,
    )
    .fetch_optional(executor)
    .await
}

/// Locks a concert against every other change; the caller looks at it afterwards.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!("SELECT id FROM event_service.events WHERE id = $1 FOR UPDATE", id)
        .fetch_optional(connection)
        .await
        .map(|_| ())
}

/// What is left of a concert that was deleted.
#[derive(Clone, Debug)]
pub(crate) struct Deleted {
    /// By the database's clock.
    pub(crate) at: DateTime<Utc>,
    /// The name of its poster in the bucket.
    pub(crate) poster_key: Option<String>,
}

/// Deletes a locked concert with its grades, its seats and their map.
pub(crate) async fn delete(connection: &mut PgConnection, id: Uuid) -> Result<Deleted, sqlx::Error> {
    sqlx::query_as!(
        Deleted,
        r#"
            DELETE FROM event_service.events
            WHERE id = $1
            RETURNING clock_timestamp() AS "at!", poster_key
        "#,
        id,
    )
    .fetch_one(connection)
    .await
}
