use crate::domain::{Actor, SettingsChange};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What was set for an event; `None` stands for the service's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsRow {
    /// Admissions per second.
    pub admission_per_second: Option<u32>,
    /// How many may be admitted at once.
    pub max_active: Option<u32>,
    /// Whether nobody is admitted.
    pub paused: bool,
}

impl SettingsRow {
    /// The columns, which the table's checks keep from being negative.
    fn read(rate: Option<i32>, cap: Option<i32>, paused: bool) -> Self {
        Self {
            admission_per_second: rate.and_then(|rate| rate.try_into().ok()),
            max_active: cap.and_then(|cap| cap.try_into().ok()),
            paused,
        }
    }
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
    Ok(row.map_or_else(SettingsRow::default, |row| {
        SettingsRow::read(row.admission_per_second, row.max_active, row.paused)
    }))
}

/// What a change of settings did.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Changed {
    /// As it was.
    pub before: SettingsRow,
    /// As it is now.
    pub after: SettingsRow,
}

/// Changes what the change names and returns the settings before and after it.
pub(crate) async fn change(
    connection: &mut PgConnection,
    event: Uuid,
    change: &SettingsChange,
    actor: Actor<'_>,
) -> Result<Changed, sqlx::Error> {
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
            RETURNING
                old.admission_per_second AS "rate_before?", old.max_active AS "cap_before?", old.paused AS "paused_before?",
                new.admission_per_second AS "rate_after?", new.max_active AS "cap_after?", new.paused AS "paused_after!"
        "#,
        event,
        number(change.admission_per_second),
        number(change.max_active),
        change.paused,
        actor.admin(),
    )
    .fetch_one(connection)
    .await?;
    Ok(Changed {
        before: SettingsRow::read(row.rate_before, row.cap_before, row.paused_before.unwrap_or_default()),
        after: SettingsRow::read(row.rate_after, row.cap_after, row.paused_after),
    })
}
