use super::Removal;
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

/// A row of `venues`.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) city: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// Adds a venue.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    name: &str,
    address: &str,
    city: &str,
) -> Result<Venue, sqlx::Error> {
    sqlx::query_as!(
        Venue,
        r#"
            INSERT INTO event_service.venues (id, name, address, city)
            VALUES ($1, $2, $3, $4)
            RETURNING id, name, address, city, created_at, updated_at
        "#,
        Uuid::now_v7(),
        name,
        address,
        city,
    )
    .fetch_one(connection)
    .await
}

/// The venue of that id.
pub(crate) async fn find(executor: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Venue>, sqlx::Error> {
    sqlx::query_as!(
        Venue,
        r#"
            SELECT id, name, address, city, created_at, updated_at
            FROM event_service.venues
            WHERE id = $1
        "#,
        id,
    )
    .fetch_optional(executor)
    .await
}

/// Locks a venue against every other change, and tells since when it has been as it is.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT updated_at FROM event_service.venues WHERE id = $1 FOR NO KEY UPDATE",
        id,
    )
    .fetch_optional(connection)
    .await
}

/// Gives a venue other texts; `None` when there is no such venue.
pub(crate) async fn update(
    connection: &mut PgConnection,
    id: Uuid,
    name: &str,
    address: &str,
    city: &str,
) -> Result<Option<Venue>, sqlx::Error> {
    sqlx::query_as!(
        Venue,
        r#"
            UPDATE event_service.venues
            SET name = $2, address = $3, city = $4, updated_at = clock_timestamp()
            WHERE id = $1
            RETURNING id, name, address, city, created_at, updated_at
        "#,
        id,
        name,
        address,
        city,
    )
    .fetch_optional(connection)
    .await
}

/// The concerts that take place in a venue.
pub(crate) async fn concerts(executor: impl PgExecutor<'_>, id: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("SELECT id FROM event_service.events WHERE venue_id = $1", id)
        .fetch_all(executor)
        .await
}

/// Deletes a venue with its halls, unless a concert takes place in one of them.
pub(crate) async fn delete(connection: &mut PgConnection, id: Uuid) -> Result<Removal, sqlx::Error> {
    // A hall that is just being made waits for this, and then finds no venue.
    let locked = sqlx::query_scalar!("SELECT id FROM event_service.venues WHERE id = $1 FOR UPDATE", id)
        .fetch_optional(&mut *connection)
        .await?;
    if locked.is_none() {
        return Ok(Removal::Missing);
    }
    let halls = sqlx::query!("DELETE FROM event_service.halls WHERE venue_id = $1", id)
        .execute(&mut *connection)
        .await;
    if Removal::of(halls)? == Removal::InUse {
        return Ok(Removal::InUse);
    }
    let venue = sqlx::query!("DELETE FROM event_service.venues WHERE id = $1", id)
        .execute(connection)
        .await;
    Removal::of(venue)
}

/// A page of all venues by name, and how many there are.
pub(crate) async fn page(pool: &PgPool, request: PageRequest) -> Result<(Vec<Venue>, i64), sqlx::Error> {
    let venues = sqlx::query_as!(
        Venue,
        r#"
            SELECT id, name, address, city, created_at, updated_at
            FROM event_service.venues
            ORDER BY name, id
            LIMIT $1 OFFSET $2
        "#,
        request.limit(),
        request.offset(),
    )
    .fetch_all(pool)
    .await?;
    let total = sqlx::query_scalar!(r#"SELECT count(*) AS "total!" FROM event_service.venues"#)
        .fetch_one(pool)
        .await?;
    Ok((venues, total))
}
