use chrono::{DateTime, Utc};
use messages::{CancelReason, ReservationCancelled};
use sqlx::PgConnection;
use uuid::Uuid;

/// Locks the assignments of reservations that are to end, those at least that nobody else has locked, and returns their
/// seats.
pub(super) async fn lock_assignments(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select seat_id
            from reservation_service.seat_assignments
            where reservation_id = any($1)
            order by event_id, seat_id
            for update skip locked
        "#,
        ids,
    )
    .fetch_all(connection)
    .await
}

/// Makes the seats of locked reservations nobody's.
pub(super) async fn free_seats(connection: &mut PgConnection, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from reservation_service.seat_assignments where reservation_id = any($1)",
        ids
    )
    .execute(connection)
    .await
    .map(|_| ())
}

/// What is told of the reservations that a statement has cancelled, which must be as many as were locked for it.
pub(super) fn messages(
    ended: Vec<Ended>,
    locked: usize,
    reason: CancelReason,
) -> Result<Vec<ReservationCancelled>, sqlx::Error> {
    if ended.len() == locked {
        Ok(ended.into_iter().map(|ended| ended.message(reason)).collect())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

/// A reservation that a statement has just cancelled together with others, or that was cancelled before.
pub(super) struct Ended {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) event_id: Uuid,
    pub(super) total_amount: i64,
    pub(super) payment_id: Option<Uuid>,
    pub(super) version: i64,
    pub(super) grant_id: Option<String>,
    pub(super) cancelled_at: DateTime<Utc>,
    pub(super) was_confirmed: bool,
    pub(super) seat_ids: Vec<Uuid>,
}

impl Ended {
    /// What is told of it.
    pub(super) fn message(self, reason: CancelReason) -> ReservationCancelled {
        ReservationCancelled {
            reservation_id: self.id,
            user_id: self.user_id,
            concert_id: self.event_id,
            seat_ids: self.seat_ids,
            amount: self.total_amount,
            reason,
            was_confirmed: self.was_confirmed,
            payment_id: self.payment_id,
            cancelled_at: self.cancelled_at,
            reservation_version: self.version,
            grant_id: self.grant_id,
        }
    }
}
