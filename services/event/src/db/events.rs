use crate::domain::{EventTimes, Grade, Prices, SeatTemplate};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// What an administrator announces, checked.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) description: Option<String>,
    pub(crate) venue_id: Uuid,
    pub(crate) hall_id: Uuid,
    pub(crate) times: EventTimes,
    pub(crate) max_tickets_per_user: i32,
}

/// What the database decided about a new concert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Created {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
}

/// Adds a concert, still without grades and seats. The caller has locked its hall.
pub(crate) async fn insert(connection: &mut PgConnection, event: &NewEvent) -> Result<Created, sqlx::Error> {
    sqlx::query_as!(
        Created,
        r#"
            INSERT INTO event_service.events (
                id, title, artist, description, venue_id, hall_id,
                event_start_at, event_end_at, sale_start_at, sale_end_at, max_tickets_per_user
            )
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            RETURNING id, version, created_at
        "#,
        Uuid::now_v7(),
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

/// Gives a new concert its grades, with the prices and the number of seats of each.
pub(crate) async fn insert_grades(
    connection: &mut PgConnection,
    event_id: Uuid,
    template: &SeatTemplate,
    prices: &Prices,
) -> Result<(), sqlx::Error> {
    let mut grades: Vec<String> = Vec::new();
    let mut amounts: Vec<i64> = Vec::new();
    let mut totals: Vec<i32> = Vec::new();
    for (grade, total) in template.grades() {
        grades.push(grade.as_str().to_owned());
        amounts.push(prices.of(grade).unwrap_or_default());
        totals.push(i32::try_from(total).unwrap_or(i32::MAX));
    }
    sqlx::query!(
        r#"
            INSERT INTO event_service.event_grades (event_id, grade, price, seats_total)
            SELECT $1, grade, price, seats_total
            FROM unnest($2::text[], $3::bigint[], $4::integer[]) AS given (grade, price, seats_total)
        "#,
        event_id,
        &grades,
        &amounts,
        &totals,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a concert's grades other prices.
pub(crate) async fn reprice_grades(
    connection: &mut PgConnection,
    event_id: Uuid,
    prices: &Prices,
) -> Result<(), sqlx::Error> {
    let (grades, amounts) = prices.columns();
    sqlx::query!(
        r#"
            UPDATE event_service.event_grades AS priced
            SET price = given.price
            FROM unnest($2::text[], $3::bigint[]) AS given (grade, price)
            WHERE priced.event_id = $1 AND priced.grade = given.grade
        "#,
        event_id,
        &grades,
        &amounts,
    )
    .execute(connection)
    .await
    .map(|_| ())
}

/// Takes a concert's grades away, because it moves to another hall.
pub(crate) async fn delete_grades(connection: &mut PgConnection, event_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("DELETE FROM event_service.event_grades WHERE event_id = $1", event_id)
        .execute(connection)
        .await
        .map(|_| ())
}

/// A concert with its venue and hall.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EventDetail {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) description: Option<String>,
    pub(crate) venue_id: Uuid,
    pub(crate) venue_name: String,
    pub(crate) address: String,
    pub(crate) city: String,
    pub(crate) hall_id: Uuid,
    pub(crate) hall_name: String,
    pub(crate) capacity: i32,
    pub(crate) event_start_at: DateTime<Utc>,
    pub(crate) event_end_at: DateTime<Utc>,
    pub(crate) sale_start_at: DateTime<Utc>,
    pub(crate) sale_end_at: DateTime<Utc>,
    pub(crate) max_tickets_per_user: i32,
    pub(crate) poster_url: Option<String>,
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    pub(crate) cancel_reason: Option<String>,
    pub(crate) version: i64,
}

impl EventDetail {
    pub(crate) fn times(&self) -> EventTimes {
        EventTimes {
            event_start_at: self.event_start_at,
            event_end_at: self.event_end_at,
            sale_start_at: self.sale_start_at,
            sale_end_at: self.sale_end_at,
        }
    }
}

/// The concert of that id.
pub(crate) async fn find(executor: impl PgExecutor<'_>, id: Uuid) -> Result<Option<EventDetail>, sqlx::Error> {
    sqlx::query_as!(
        EventDetail,
        r#"
            SELECT
                e.id, e.title, e.artist, e.description,
                e.venue_id, v.name AS venue_name, v.address, v.city,
                e.hall_id, h.name AS hall_name, h.capacity,
                e.event_start_at, e.event_end_at, e.sale_start_at, e.sale_end_at,
                e.max_tickets_per_user, e.poster_url, e.cancelled_at, e.cancel_reason, e.version
            FROM event_service.events AS e
            JOIN event_service.venues AS v ON v.id = e.venue_id
            JOIN event_service.halls AS h ON h.id = e.hall_id
            WHERE e.id = $1
        "#,
        id,
    )
    .fetch_optional(executor)
    .await
}

/// A row of `event_grades`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GradeRow {
    pub(crate) grade: Grade,
    pub(crate) price: i64,
    pub(crate) seats_total: i32,
    pub(crate) seats_sold: i32,
}

impl GradeRow {
    pub(super) fn read(grade: &str, price: i64, seats_total: i32, seats_sold: i32) -> Result<Self, sqlx::Error> {
        Ok(Self {
            grade: super::grade(grade)?,
            price,
            seats_total,
            seats_sold,
        })
    }
}

/// The order in which grades are shown.
pub(super) fn best_first(
    rows: impl Iterator<Item = Result<GradeRow, sqlx::Error>>,
) -> Result<Vec<GradeRow>, sqlx::Error> {
    let mut grades = rows.collect::<Result<Vec<_>, _>>()?;
    grades.sort_unstable_by_key(|row| row.grade);
    Ok(grades)
}

/// A concert's grades, best first.
pub(crate) async fn grades(executor: impl PgExecutor<'_>, event_id: Uuid) -> Result<Vec<GradeRow>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            SELECT grade, price, seats_total, seats_sold
            FROM event_service.event_grades
            WHERE event_id = $1
        "#,
        event_id,
    )
    .fetch_all(executor)
    .await?;
    best_first(
        rows.into_iter()
            .map(|row| GradeRow::read(&row.grade, row.price, row.seats_total, row.seats_sold)),
    )
}
