use sqlx::PgConnection;
use uuid::Uuid;

/// Notes a change of the event; an older one than is known changes nothing.
pub(crate) async fn raise_event_version(
    connection: &mut PgConnection,
    event_id: Uuid,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            insert into reservation_service.event_versions as known (event_id, version)
            values ($1, $2)
            on conflict (event_id) do update
                set version = excluded.version, changed_at = clock_timestamp()
                where known.version < excluded.version
        "#,
        event_id,
        version,
    )
    .execute(connection)
    .await
    .map(|_| ())
}
