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
