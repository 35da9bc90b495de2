//! What is under way, for administrators. Each count is of a small index of just these rows, however many reservations there are.

use common::vitals::first_id_within;
use sqlx::PgConnection;
use std::time::Duration;

/// What counts as new.
const LATELY: Duration = Duration::from_secs(60);

/// What is under way and what is stuck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bookings {
    /// Holds, those being paid included.
    pub(crate) held: i64,
    /// Those that a payment has locked.
    pub(crate) paying: i64,
    /// Those that are over, not locked, and not ended five seconds later.
    pub(crate) overdue: i64,
    /// Of the holds of the last minute: those that are confirmed.
    pub(crate) lately_confirmed: i64,
    /// All of them.
    pub(crate) lately_held: i64,
    /// Cancelled concerts whose bookings have not all ended yet.
    pub(crate) events_closing: i64,
}

/// Counts it.
pub(crate) async fn count(connection: &mut PgConnection) -> Result<Bookings, sqlx::Error> {
    sqlx::query_as!(
        Bookings,
        r#"
            select
                (
                    select count(*)
                    from reservation_service.reservations
                    where status = 'PENDING'
                ) as "held!",
                (
                    select count(*)
                    from reservation_service.reservations
                    where payment_lock_id is not null and status = 'PENDING'
                ) as "paying!",
                (
                    select count(*)
                    from reservation_service.reservations
                    where status = 'PENDING'
                        and payment_lock_id is null
                        and hold_expires_at < clock_timestamp() - interval '5 seconds'
                ) as "overdue!",
                lately.confirmed as "lately_confirmed!",
                lately.held as "lately_held!",
                (
                    select count(*)
                    from reservation_service.closed_events
                    where finished_at is null
                ) as "events_closing!"
            from (
                select count(*) filter (where status = 'CONFIRMED') as confirmed, count(*) as held
                from reservation_service.reservations
                where id >= $1
            ) as lately
        "#,
        first_id_within(LATELY),
    )
    .fetch_one(connection)
    .await
}
