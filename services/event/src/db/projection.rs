//! The statements of the seat projection (`design.md` §8.5). Lock order: seats by id, then the concert's map, then its
//! grades. Seats of another concert or map are never touched in the same transaction.

use crate::domain::{Claim, Grade};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Locks those of the seats that belong to the concert and returns how many. Everything after it is decided alone, for
/// these seats, until the transaction ends.
pub(crate) async fn lock_seats(
    connection: &mut PgConnection,
    event_id: Uuid,
    seats: &[Uuid],
) -> Result<usize, sqlx::Error> {
    let locked = sqlx::query_scalar!(
        r#"
            SELECT id
            FROM event_service.seats
            WHERE event_id = $1 AND id = ANY($2)
            ORDER BY id
            FOR NO KEY UPDATE
        "#,
        event_id,
        seats,
    )
    .fetch_all(connection)
    .await?;
    Ok(locked.len())
}

/// Raises the reservation's claim on the seats to `claim`, and leaves it where it is already as high.
pub(crate) async fn raise_claims(
    connection: &mut PgConnection,
    seats: &[Uuid],
    reservation_id: Uuid,
    claim: Claim,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            INSERT INTO event_service.seat_claims AS held (seat_id, reservation_id, claim)
            SELECT seat_id, $2, $3::text::event_service.claim
            FROM unnest($1::uuid[]) AS seat_id
            ORDER BY seat_id
            ON CONFLICT (seat_id, reservation_id) DO UPDATE
            SET claim = excluded.claim, updated_at = clock_timestamp()
            WHERE held.claim < excluded.claim
        "#,
        seats,
        reservation_id,
        claim.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A seat whose status is not what its claims say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) seat_id: Uuid,
    pub(crate) grade: Grade,
    /// What it has to become.
    pub(crate) sold: bool,
}

/// Which of the locked seats have to turn: a seat is sold exactly when some claim on it is PAID or CONFIRMED.
pub(crate) async fn turned(connection: &mut PgConnection, seats: &[Uuid]) -> Result<Vec<Turned>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            SELECT seat.id, seat.grade, claimed.sold AS "sold!"
            FROM event_service.seats AS seat
            CROSS JOIN LATERAL (
                SELECT EXISTS (
                    SELECT FROM event_service.seat_claims
                    WHERE seat_id = seat.id AND claim IN ('PAID', 'CONFIRMED')
                ) AS sold
            ) AS claimed
            WHERE seat.id = ANY($1) AND (seat.status = 'SOLD') <> claimed.sold
            ORDER BY seat.id
        "#,
        seats,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Turned {
                seat_id: row.id,
                grade: super::grade(&row.grade)?,
                sold: row.sold,
            })
        })
        .collect()
}

/// Turns the seats, counts them in their grades and raises the map's version. Returns when, by the database's clock.
pub(crate) async fn turn(
    connection: &mut PgConnection,
    event_id: Uuid,
    turned: &[Turned],
) -> Result<DateTime<Utc>, sqlx::Error> {
    let map = sqlx::query!(
        r#"
            UPDATE event_service.seat_maps
            SET version = version + 1
            WHERE event_id = $1
            RETURNING version, clock_timestamp() AS "now!"
        "#,
        event_id,
    )
    .fetch_one(&mut *connection)
    .await?;

    let (ids, sold): (Vec<Uuid>, Vec<bool>) = turned.iter().map(|seat| (seat.seat_id, seat.sold)).unzip();
    sqlx::query!(
        r#"
            UPDATE event_service.seats AS seat
            SET status = CASE WHEN turned.sold THEN 'SOLD' ELSE 'AVAILABLE' END, version = $3, updated_at = $4
            FROM unnest($1::uuid[], $2::boolean[]) AS turned (id, sold)
            WHERE seat.id = turned.id
        "#,
        &ids,
        &sold,
        map.version,
        map.now,
    )
    .execute(&mut *connection)
    .await?;

    let mut by_grade: BTreeMap<Grade, i32> = BTreeMap::new();
    for seat in turned {
        *by_grade.entry(seat.grade).or_default() += if seat.sold { 1 } else { -1 };
    }
    let (grades, changes): (Vec<String>, Vec<i32>) = by_grade
        .into_iter()
        .map(|(grade, change)| (grade.as_str().to_owned(), change))
        .unzip();
    sqlx::query!(
        r#"
            UPDATE event_service.event_grades AS counted
            SET seats_sold = counted.seats_sold + changed.seats
            FROM unnest($2::text[], $3::integer[]) AS changed (grade, seats)
            WHERE counted.event_id = $1 AND counted.grade = changed.grade
        "#,
        event_id,
        &grades,
        &changes,
    )
    .execute(connection)
    .await?;
    Ok(map.now)
}
