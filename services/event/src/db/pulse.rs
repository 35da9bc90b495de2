//! What changes of concerts without an administrator: how many seats are sold, and the passing of time.

use super::events::{GradeRow, best_first};
use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

/// How far a concert has come: its versions, and its grades with what is sold of them, of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// Rises with every change by an administrator.
    pub(crate) event_version: i64,
    /// Rises with every change of a seat.
    pub(crate) map_version: i64,
    /// Best first.
    pub(crate) grades: Vec<GradeRow>,
}

/// The pulse of a concert, if there is such a concert.
pub(crate) async fn of(executor: impl PgExecutor<'_>, event_id: Uuid) -> Result<Option<Pulse>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            SELECT event.version AS event_version, map.version AS map_version,
                   grade.grade, grade.price, grade.seats_total, grade.seats_sold
            FROM event_service.events AS event
            JOIN event_service.seat_maps AS map ON map.event_id = event.id
            JOIN event_service.event_grades AS grade ON grade.event_id = event.id
            WHERE event.id = $1
        "#,
        event_id,
    )
    .fetch_all(executor)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let (event_version, map_version) = (first.event_version, first.map_version);
    let grades = rows
        .into_iter()
        .map(|row| GradeRow::read(&row.grade, row.price, row.seats_total, row.seats_sold));
    Ok(Some(Pulse {
        event_version,
        map_version,
        grades: best_first(grades)?,
    }))
}

/// When the last sale before `now` opened or closed, and when the next one will. Between them no concert's status changes.
pub(crate) async fn sales_around(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> Result<(Option<DateTime<Utc>>, Option<DateTime<Utc>>), sqlx::Error> {
    let row = sqlx::query!(
        r#"
            SELECT
                greatest(
                    (SELECT max(sale_start_at) FROM event_service.events WHERE sale_start_at <= $1),
                    (SELECT max(sale_end_at) FROM event_service.events WHERE sale_end_at <= $1)
                ) AS last,
                least(
                    (SELECT min(sale_start_at) FROM event_service.events WHERE sale_start_at > $1),
                    (SELECT min(sale_end_at) FROM event_service.events WHERE sale_end_at > $1)
                ) AS next
        "#,
        now,
    )
    .fetch_one(pool)
    .await?;
    Ok((row.last, row.next))
}
