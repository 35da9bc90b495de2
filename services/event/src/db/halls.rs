use super::Removal;
use crate::domain::SeatTemplate;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

/// A row of `halls`.
#[derive(Clone, Debug)]
pub(crate) struct Hall {
    pub(crate) id: Uuid,
    pub(crate) venue_id: Uuid,
    pub(crate) name: String,
    pub(crate) capacity: i32,
    pub(crate) seat_template: Json<SeatTemplate>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// Adds a hall; `None` when there is no such venue.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    venue_id: Uuid,
    name: &str,
    seat_template: &SeatTemplate,
) -> Result<Option<Hall>, sqlx::Error> {
    let capacity = i32::try_from(seat_template.capacity()).unwrap_or(i32::MAX);
    let inserted = sqlx::query_as!(
        Hall,
        r#"
            INSERT INTO event_service.halls (id, venue_id, name, capacity, seat_template)
            VALUES ($1, $2, $3, $4, $5)
            RETURNING
                id, venue_id, name, capacity,
                seat_template AS "seat_template: Json<SeatTemplate>",
                created_at, updated_at
        "#,
        Uuid::now_v7(),
        venue_id,
        name,
        capacity,
        Json(seat_template) as _,
    )
    .fetch_one(connection)
    .await;
    match inserted {
        Ok(hall) => Ok(Some(hall)),
        Err(error) if common::db::constraint(&error) == Some("halls_venue_id_fkey") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives a hall another name and layout; `None` when there is no such hall. Whether the layout may change is
/// the caller's question ([`is_used`]), asked while the hall is locked by [`find_for_update`].
pub(crate) async fn update(
    connection: &mut PgConnection,
    id: Uuid,
    name: &str,
    seat_template: &SeatTemplate,
) -> Result<Option<Hall>, sqlx::Error> {
    let capacity = i32::try_from(seat_template.capacity()).unwrap_or(i32::MAX);
    sqlx::query_as!(
        Hall,
        r#"
            UPDATE event_service.halls
            SET name = $2, capacity = $3, seat_template = $4, updated_at = clock_timestamp()
            WHERE id = $1
            RETURNING
                id, venue_id, name, capacity,
                seat_template AS "seat_template: Json<SeatTemplate>",
                created_at, updated_at
        "#,
        id,
        name,
        capacity,
        Json(seat_template) as _,
    )
    .fetch_optional(connection)
    .await
}

/// Deletes a hall of that venue, unless a concert takes place in it.
pub(crate) async fn delete(connection: &mut PgConnection, venue_id: Uuid, id: Uuid) -> Result<Removal, sqlx::Error> {
    let deleted = sqlx::query!(
        "DELETE FROM event_service.halls WHERE id = $1 AND venue_id = $2",
        id,
        venue_id,
    )
    .execute(connection)
    .await;
    Removal::of(deleted)
}

/// Whether a concert takes place in the hall.
pub(crate) async fn is_used(connection: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM event_service.events WHERE hall_id = $1) AS "used!""#,
        id,
    )
    .fetch_one(connection)
    .await
}

/// The hall of that venue and id, which nobody else may use for a concert or change until the transaction ends.
pub(crate) async fn find_for_update(
    connection: &mut PgConnection,
    venue_id: Uuid,
    id: Uuid,
) -> Result<Option<Hall>, sqlx::Error> {
    sqlx::query_as!(
        Hall,
        r#"
            SELECT
                id, venue_id, name, capacity,
                seat_template AS "seat_template: Json<SeatTemplate>",
                created_at, updated_at
            FROM event_service.halls
            WHERE id = $1 AND venue_id = $2
            FOR UPDATE
        "#,
        id,
        venue_id,
    )
    .fetch_optional(connection)
    .await
}

/// The halls of a venue by name.
pub(crate) async fn of_venue(executor: impl PgExecutor<'_>, venue_id: Uuid) -> Result<Vec<Hall>, sqlx::Error> {
    sqlx::query_as!(
        Hall,
        r#"
            SELECT
                id, venue_id, name, capacity,
                seat_template AS "seat_template: Json<SeatTemplate>",
                created_at, updated_at
            FROM event_service.halls
            WHERE venue_id = $1
            ORDER BY name, id
        "#,
        venue_id,
    )
    .fetch_all(executor)
    .await
}

/// The hall of that id, kept as it is until the transaction ends: a concert's seats must match its hall's template.
pub(crate) async fn find_for_share(connection: &mut PgConnection, id: Uuid) -> Result<Option<Hall>, sqlx::Error> {
    sqlx::query_as!(
        Hall,
        r#"
            SELECT
                id, venue_id, name, capacity,
                seat_template AS "seat_template: Json<SeatTemplate>",
                created_at, updated_at
            FROM event_service.halls
            WHERE id = $1
            FOR SHARE
        "#,
        id,
    )
    .fetch_optional(connection)
    .await
}
