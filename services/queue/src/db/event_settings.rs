use crate::domain::SettingsChange;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What was set for an event; `None` stands for the service's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SettingsRow {
    pub(crate) admission_per_second: Option<u32>,
    pub(crate) max_active: Option<u32>,
    pub(crate) paused: bool,
}

/// What was set for an event; nothing, if it has no row.
pub(crate) async fn find(pool: &PgPool, event: Uuid) -> Result<SettingsRow, sqlx::Error> {
    let row = sqlx::query!(
        r#"
            SELECT admission_per_second, max_active, paused
            FROM queue_service.event_settings
            WHERE event_id = $1
        "#,
        event,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map_or_else(SettingsRow::default, |row| SettingsRow {
        admission_per_second: row.admission_per_second.and_then(|rate| rate.try_into().ok()),
        max_active: row.max_active.and_then(|cap| cap.try_into().ok()),
        paused: row.paused,
    }))
}

/// Changes what the change names and returns the outcome.
pub(crate) async fn change(
    connection: &mut PgConnection,
    event: Uuid,
    change: &SettingsChange,
    admin: Uuid,
) -> Result<SettingsRow, sqlx::Error> {
    // Validated before, so these fit.
    let number = |value: Option<u32>| value.and_then(|value| i32::try_from(value).ok());
    let row = sqlx::query!(
        r#"
            INSERT INTO queue_service.event_settings AS kept
                (event_id, admission_per_second, max_active, paused, updated_by)
            VALUES ($1, $2, $3, coalesce($4::boolean, false), $5)
            ON CONFLICT (event_id) DO UPDATE SET
                admission_per_second = coalesce($2, kept.admission_per_second),
                max_active = coalesce($3, kept.max_active),
                paused = coalesce($4::boolean, kept.paused),
                updated_by = $5,
                updated_at = clock_timestamp()
            RETURNING admission_per_second, max_active, paused
        "#,
        event,
        number(change.admission_per_second),
        number(change.max_active),
        change.paused,
        admin,
    )
    .fetch_one(connection)
    .await?;
    Ok(SettingsRow {
        admission_per_second: row.admission_per_second.and_then(|rate| rate.try_into().ok()),
        max_active: row.max_active.and_then(|cap| cap.try_into().ok()),
        paused: row.paused,
    })
}
