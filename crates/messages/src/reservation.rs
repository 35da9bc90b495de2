//! What the reservation service says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Message, Topic};

/// The seats are the buyer's. For the event service (sold) and the queue service (the place is free).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationConfirmed {
    /// The reservation.
    pub reservation_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// The seats sold.
    pub seat_ids: Vec<Uuid>,
    /// Won.
    pub amount: i64,
    /// What paid for it.
    pub payment_id: Uuid,
    /// When it was confirmed.
    pub confirmed_at: DateTime<Utc>,
    /// The reservation's version after this change.
    pub reservation_version: i64,
    /// The queue's grant, opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// Why a reservation was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelReason {
    /// The buyer cancelled a confirmed reservation.
    UserRequest,
    /// The buyer gave the hold back.
    HoldReleased,
    /// The hold ran out, or its seats were taken over after it had.
    HoldExpired,
    /// The payment was declined or ended without a capture.
    PaymentFailed,
    /// The payment came too late: the seats were gone.
    ConfirmationFailed,
    /// The money had already been given back.
    Compensated,
    /// The concert was cancelled.
    EventCancelled,
    /// A reason that this release does not know.
    #[serde(other)]
    Other,
}

/// The seats are free again. For the event service (released), the payment service (refund) and the queue service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationCancelled {
    /// The reservation.
    pub reservation_id: Uuid,
    /// Whose it was.
    pub user_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// The seats freed.
    pub seat_ids: Vec<Uuid>,
    /// Won.
    pub amount: i64,
    /// Why.
    pub reason: CancelReason,
    /// Whether it was CONFIRMED, not PENDING, before.
    pub was_confirmed: bool,
    /// What had paid for it, or was locked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<Uuid>,
    /// When it was cancelled.
    pub cancelled_at: DateTime<Utc>,
    /// The reservation's version after this change.
    pub reservation_version: i64,
    /// The queue's grant, opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// Why a paid reservation could not be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConfirmationFailure {
    /// Some of the seats belong to another reservation by now.
    SeatsLost,
    /// The reservation had been cancelled before.
    AlreadyCancelled,
    /// The concert takes no more reservations.
    EventClosed,
    /// Another payment had confirmed it before.
    AlreadyConfirmed,
    /// The payment's amount is not the reservation's.
    AmountMismatch,
    /// A reason that this release does not know.
    #[serde(other)]
    Other,
}

/// A payment succeeded whose reservation cannot have it. For the payment service, which refunds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationConfirmationFailed {
    /// The reservation.
    pub reservation_id: Uuid,
    /// Whose it was.
    pub user_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// The seats paid for.
    pub seat_ids: Vec<Uuid>,
    /// Won.
    pub amount: i64,
    /// The payment to refund.
    pub payment_id: Uuid,
    /// Why.
    pub reason: ConfirmationFailure,
    /// When it was found out.
    pub failed_at: DateTime<Utc>,
    /// The reservation's version after this change.
    pub reservation_version: i64,
    /// The queue's grant, opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// All three are about a reservation and concern its buyer.
macro_rules! reservation_message {
    ($message:ident) => {
        impl Message for $message {
            const TYPE: &'static str = stringify!($message);
            const TOPIC: Topic = Topic::ReservationEvents;
            const AGGREGATE: Aggregate = Aggregate::Reservation;

            fn aggregate_id(&self) -> Uuid {
                self.reservation_id
            }

            fn user_id(&self) -> Option<Uuid> {
                Some(self.user_id)
            }
        }
    };
}

reservation_message!(ReservationConfirmed);
reservation_message!(ReservationCancelled);
reservation_message!(ReservationConfirmationFailed);
