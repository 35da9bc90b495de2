//! What administrators change of a concert after its announcement.

use super::events;
use crate::domain::{EventTimes, Prices};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// What can be changed of a concert, but for its prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Editable {
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) description: Option<String>,
    /// The hall's.
    pub(crate) venue_id: Uuid,
    pub(crate) hall_id: Uuid,
    pub(crate) times: EventTimes,
    pub(crate) max_tickets_per_user: i32,
}

/// A concert before a change.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) event: Editable,
    pub(crate) prices: Prices,
    pub(crate) cancelled: bool,
    /// Whether its sale has opened, by the database's clock.
    pub(crate) begun: bool,
    /// Whether its sale is over, by the database's clock.
    pub(crate) ended: bool,
}

/// The concert of that id, as far as a change goes by it. Its time is that of this statement: a caller who means to change
/// it locks it before.
pub(crate) async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
            SELECT
                title, artist, description, venue_id, hall_id,
                event_start_at, event_end_at, sale_start_at, sale_end_at,
                max_tickets_per_user, version,
                cancelled_at IS NOT NULL AS "cancelled!",
                sale_start_at <= clock_timestamp() AS "begun!",
                sale_end_at <= clock_timestamp() AS "ended!"
            FROM event_service.events
            WHERE id = $1
        "#,
        id,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let grades = events::grades(connection, id).await?;
    Ok(Some(Found {
        id,
        version: row.version,
        event: Editable {
            title: row.title,
            artist: row.artist,
            description: row.description,
            venue_id: row.venue_id,
            hall_id: row.hall_id,
            times: EventTimes {
                event_start_at: row.event_start_at,
                event_end_at: row.event_end_at,
                sale_start_at: row.sale_start_at,
                sale_end_at: row.sale_end_at,
            },
            max_tickets_per_user: row.max_tickets_per_user,
        },
        prices: grades.iter().map(|row| (row.grade, row.price)).collect(),
        cancelled: row.cancelled,
        begun: row.begun,
        ended: row.ended,
    }))
}

/// What the database decided about a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) version: i64,
    pub(crate) changed_at: DateTime<Utc>,
}

/// Writes a locked concert as it is from now on.
pub(crate) async fn write(connection: &mut PgConnection, id: Uuid, event: &Editable) -> Result<Written, sqlx::Error> {
    sqlx::query_as!(
        Written,
        r#"
            UPDATE event_service.events
            SET title = $2, artist = $3, description = $4, venue_id = $5, hall_id = $6,
                event_start_at = $7, event_end_at = $8, sale_start_at = $9, sale_end_at = $10,
                max_tickets_per_user = $11,
                version = version + 1,
                updated_at = clock_timestamp()
            WHERE id = $1
            RETURNING version, updated_at AS changed_at
        "#,
        id,
        event.title,
        event.artist,
        event.description,
        event.venue_id,
        event.hall_id,
        event.times.event_start_at,
        event.times.event_end_at,
        event.times.sale_start_at,
        event.times.sale_end_at,
        event.max_tickets_per_user,
    )
    .fetch_one(connection)
    .await
}

/// Keeps a concert from being changed until the transaction ends, behind a change that is being made. Returns the time then,
/// by the database's clock.
pub(crate) async fn keep_unchanged(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    let locked = sqlx::query_scalar!("SELECT id FROM event_service.events WHERE id = $1 FOR SHARE", id)
        .fetch_optional(&mut *connection)
        .await?;
    if locked.is_none() {
        return Ok(None);
    }
    // In a statement of its own: one that waits for a lock has looked at the clock before.
    let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
        .fetch_one(connection)
        .await?;
    Ok(Some(now))
}
