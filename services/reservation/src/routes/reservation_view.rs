use crate::{
    db::Read,
    domain::{CancelReason, PaymentStatus, Refund, ReservedSeat, Status},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A reservation as its buyer sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reservation)]
pub(crate) struct ReservationView {
    /// The reservation.
    reservation_id: Uuid,
    /// The event, with its title and times when the seats were held.
    event_id: Uuid,
    event_title: String,
    event_start_at: DateTime<Utc>,
    event_end_at: DateTime<Utc>,
    /// Where it stands.
    status: Status,
    /// The seats with the prices they were held at.
    seats: Vec<ReservedSeat>,
    /// Won.
    total_amount: i64,
    /// When the hold of a pending reservation ends; compare it with `serverTime`.
    hold_expires_at: DateTime<Utc>,
    /// The time of this reply.
    server_time: DateTime<Utc>,
    /// The payment that runs or that paid.
    payment_id: Option<Uuid>,
    /// Where that payment stands.
    payment_status: Option<PaymentStatus>,
    /// What becomes of the money after a cancellation; null if none is due.
    refund: Option<Refund>,
    /// Why it was cancelled.
    cancel_reason: Option<CancelReason>,
    /// Until when it may be cancelled: 00:00 in Seoul on the day of the event. Null once it is cancelled.
    cancellable_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
}

impl From<Read> for ReservationView {
    fn from(Read { reservation, now }: Read) -> Self {
        Self {
            cancellable_until: reservation.cancellable_until(),
            reservation_id: reservation.id,
            event_id: reservation.event_id,
            event_title: reservation.event_title,
            event_start_at: reservation.event_start_at,
            event_end_at: reservation.event_end_at,
            status: reservation.status,
            seats: reservation.seats,
            total_amount: reservation.total_amount,
            hold_expires_at: reservation.hold_expires_at,
            server_time: now,
            payment_id: reservation.payment_id,
            payment_status: reservation.payment_status,
            refund: reservation.refund,
            cancel_reason: reservation.cancel_reason,
            created_at: reservation.created_at,
            confirmed_at: reservation.confirmed_at,
            cancelled_at: reservation.cancelled_at,
        }
    }
}
