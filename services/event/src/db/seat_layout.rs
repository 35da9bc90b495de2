//! What the seat map is made of, in two parts: the seats, which only an administrator changes, and which of them are sold.

use crate::domain::Grade;
use sqlx::PgExecutor;
use uuid::Uuid;

/// A seat without whether it is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayoutSeat {
    pub(crate) id: Uuid,
    pub(crate) seat_number: String,
    pub(crate) grade: Grade,
}

/// All seats of a concert in the hall's order.
pub(crate) async fn of(executor: impl PgExecutor<'_>, event_id: Uuid) -> Result<Vec<LayoutSeat>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            SELECT id, seat_number, grade
            FROM event_service.seats
            WHERE event_id = $1
            ORDER BY seat_index
        "#,
        event_id,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(LayoutSeat {
                id: row.id,
                seat_number: row.seat_number,
                grade: super::grade(&row.grade)?,
            })
        })
        .collect()
}

/// A seat that was sold or released.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeatChange {
    pub(crate) id: Uuid,
    /// The map's version with which it changed last.
    pub(crate) version: i64,
    pub(crate) sold: bool,
}

/// The seats that changed after the map's version `since`.
pub(crate) async fn changes_since(
    executor: impl PgExecutor<'_>,
    event_id: Uuid,
    since: i64,
) -> Result<Vec<SeatChange>, sqlx::Error> {
    sqlx::query_as!(
        SeatChange,
        r#"
            SELECT id, version, status = 'SOLD' AS "sold!"
            FROM event_service.seats
            WHERE event_id = $1 AND version > $2
        "#,
        event_id,
        since,
    )
    .fetch_all(executor)
    .await
}
