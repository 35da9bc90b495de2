use sqlx::PgConnection;
use uuid::Uuid;

/// Which seats are not free, with the newest known version of the event.
#[derive(Clone, Debug)]
pub(crate) struct TakenSeats {
    pub(crate) event_version: i64,
    /// Somebody has them for some minutes. A hold that is over is not among them, swept or not.
    pub(crate) held: Vec<Uuid>,
    pub(crate) sold: Vec<Uuid>,
}

/// Reads which seats of an event somebody has. In one row: a row per seat costs more to send and to read than to find.
pub(crate) async fn taken_seats(connection: &mut PgConnection, event_id: Uuid) -> Result<TakenSeats, sqlx::Error> {
    sqlx::query_as!(
        TakenSeats,
        r#"
            select
                coalesce(
                    (select version from reservation_service.event_versions where event_id = $1), 0
                ) as "event_version!",
                coalesce(array_agg(seat_id) filter (where state = 'HELD'), '{}') as "held!",
                coalesce(array_agg(seat_id) filter (where state = 'SOLD'), '{}') as "sold!"
            from reservation_service.seat_assignments
            where event_id = $1 and expires_at > clock_timestamp()
        "#,
        event_id,
    )
    .fetch_one(connection)
    .await
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
