use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// Whose seats are not free, with the newest known version of the event.
#[derive(Clone, Debug)]
pub(crate) struct SeatMap {
    pub(crate) event_version: i64,
    /// Seats that somebody has; `true` if for good. A hold that is over is not among them, swept or not.
    pub(crate) taken: HashMap<Uuid, bool>,
}

/// Reads which seats of an event somebody has.
pub(crate) async fn seat_map(connection: &mut PgConnection, event_id: Uuid) -> Result<SeatMap, sqlx::Error> {
    let event_version = super::event_version(&mut *connection, event_id).await?;
    let rows = sqlx::query!(
        r#"
            select seat_id, state = 'SOLD' as "sold!"
            from reservation_service.seat_assignments
            where event_id = $1 and expires_at > clock_timestamp()
        "#,
        event_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(SeatMap {
        event_version,
        taken: rows.into_iter().map(|row| (row.seat_id, row.sold)).collect(),
    })
}

/// How many seats of an event are sold, with its newest known version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Availability {
    pub(crate) event_version: i64,
    pub(crate) sold: i64,
}

/// Counts the sold seats of an event.
pub(crate) async fn availability(connection: &mut PgConnection, event_id: Uuid) -> Result<Availability, sqlx::Error> {
    sqlx::query_as!(
        Availability,
        r#"
            select
                coalesce(
                    (select version from reservation_service.event_versions where event_id = $1), 0
                ) as "event_version!",
                count(*) as "sold!"
            from reservation_service.seat_assignments
            where event_id = $1 and state = 'SOLD'
        "#,
        event_id,
    )
    .fetch_one(connection)
    .await
}

/// Whether anybody has a claim on the event: a live reservation or an assigned seat, even one whose hold is over but not
/// swept, because its payment may still confirm it.
pub(crate) async fn has_claims(connection: &mut PgConnection, event_id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select
                exists (
                    select from reservation_service.reservations
                    where event_id = $1 and status in ('PENDING', 'CONFIRMED')
                )
                or exists (select from reservation_service.seat_assignments where event_id = $1) as "claims!"
        "#,
        event_id,
    )
    .fetch_one(connection)
    .await
}
