use super::event_changes::Written;
use sqlx::PgConnection;
use uuid::Uuid;

/// The name of a concert's poster in the bucket, if it has one. The caller has locked the concert.
pub(crate) async fn key(connection: &mut PgConnection, event_id: Uuid) -> Result<Option<String>, sqlx::Error> {
    let key = sqlx::query_scalar!("SELECT poster_key FROM event_service.events WHERE id = $1", event_id)
        .fetch_optional(connection)
        .await?;
    Ok(key.flatten())
}

/// Gives a locked concert this poster.
pub(crate) async fn set(
    connection: &mut PgConnection,
    event_id: Uuid,
    key: &str,
    url: &str,
) -> Result<Written, sqlx::Error> {
    sqlx::query_as!(
        Written,
        r#"
            UPDATE event_service.events
            SET poster_key = $2, poster_url = $3, version = version + 1, updated_at = clock_timestamp()
            WHERE id = $1
            RETURNING version, updated_at AS changed_at
        "#,
        event_id,
        key,
        url,
    )
    .fetch_one(connection)
    .await
}
