//! The inbox of the service's schema.

use messages::ConsumerGroup;
use sqlx::PgConnection;
use uuid::Uuid;

/// Marks a message as handled by `group`; tells whether this is the first time. While another transaction is handling the
/// same message it waits for the outcome.
pub(super) async fn is_first(
    connection: &mut PgConnection,
    message: Uuid,
    group: ConsumerGroup,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query(
        r#"
            insert into processed_events (event_id, consumer)
            values ($1, $2)
            on conflict do nothing
        "#,
    )
    .bind(message)
    .bind(group.name())
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
