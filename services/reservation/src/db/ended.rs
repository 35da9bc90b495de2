use chrono::{DateTime, Utc};
use messages::{CancelReason, ReservationCancelled};
use uuid::Uuid;

/// A reservation that a statement has just cancelled together with others.
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
