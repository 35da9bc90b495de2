use super::{CancelReason, PaymentStatus, RefundStatus, Status, cancellable_until};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A reservation as its row and its seats tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) status: Status,
    /// Won.
    pub(crate) total_amount: i64,
    /// When the hold ends; what an unlock gives the seats back.
    pub(crate) hold_expires_at: DateTime<Utc>,
    /// The concert's title when it was held, and its times.
    pub(crate) event_title: String,
    pub(crate) event_start_at: DateTime<Utc>,
    pub(crate) event_end_at: DateTime<Utc>,
    /// The queue's grant, opaque.
    pub(crate) grant_id: Option<String>,
    pub(crate) version: i64,
    /// The payment that holds the lock, or the last one that mattered.
    pub(crate) payment_id: Option<Uuid>,
    pub(crate) payment_status: Option<PaymentStatus>,
    /// The running payment that the seats are locked for.
    pub(crate) payment_lock: Option<Uuid>,
    pub(crate) refund: Option<Refund>,
    pub(crate) cancel_reason: Option<CancelReason>,
    pub(crate) confirmed_at: Option<DateTime<Utc>>,
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    /// Sorted by seat id.
    pub(crate) seats: Vec<ReservedSeat>,
}

/// A seat of a reservation with the price it was held at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReservedSeat {
    /// The seat.
    pub(crate) seat_id: Uuid,
    /// Its name in the hall.
    #[schema(example = "A-12")]
    pub(crate) seat_number: String,
    /// Its grade.
    #[schema(example = "VIP")]
    pub(crate) grade: String,
    /// Won.
    pub(crate) price: i64,
}

/// What becomes of the buyer's money after a cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    /// How far it is.
    pub(crate) status: RefundStatus,
    /// Won.
    pub(crate) amount: i64,
    /// When it became due; null for one made by hand at the payment provider.
    pub(crate) requested_at: Option<DateTime<Utc>>,
    /// When the buyer had it back.
    pub(crate) completed_at: Option<DateTime<Utc>>,
}

/// A reservation's seats where only they matter: what is to be freed in Redis after a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tickets {
    pub(crate) reservation_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) seat_ids: Vec<Uuid>,
}

impl Tickets {
    /// The same for some of the seats.
    pub(crate) fn only(&self, keep: impl Fn(&Uuid) -> bool) -> Self {
        let seat_ids = self.seat_ids.iter().copied().filter(keep).collect();
        Self { seat_ids, ..*self }
    }
}

#[cfg(test)]
impl Reservation {
    /// Two seats at half of the amount each, held and not locked.
    pub(crate) fn sample(total_amount: i64) -> Self {
        let start: DateTime<Utc> = "2026-01-11T10:00:00Z".parse().unwrap();
        let seat = |n| ReservedSeat {
            seat_id: Uuid::from_u128(n),
            seat_number: format!("A-{n}"),
            grade: "VIP".to_owned(),
            price: total_amount / 2,
        };
        Self {
            id: Uuid::from_u128(1),
            user_id: Uuid::from_u128(2),
            event_id: Uuid::from_u128(3),
            status: Status::Pending,
            total_amount,
            hold_expires_at: start,
            event_title: "Concert".to_owned(),
            event_start_at: start,
            event_end_at: start,
            grant_id: None,
            version: 1,
            payment_id: None,
            payment_status: None,
            payment_lock: None,
            refund: None,
            cancel_reason: None,
            confirmed_at: None,
            cancelled_at: None,
            created_at: start,
            seats: vec![seat(1), seat(2)],
        }
    }
}

impl Reservation {
    pub(crate) fn seat_ids(&self) -> Vec<Uuid> {
        self.seats.iter().map(|seat| seat.seat_id).collect()
    }

    /// Until when the buyer may still cancel; nothing once it is cancelled.
    pub(crate) fn cancellable_until(&self) -> Option<DateTime<Utc>> {
        (self.status != Status::Cancelled).then(|| cancellable_until(self.event_start_at))
    }

    pub(crate) fn tickets(&self) -> Tickets {
        Tickets {
            reservation_id: self.id,
            user_id: self.user_id,
            event_id: self.event_id,
            seat_ids: self.seat_ids(),
        }
    }
}
