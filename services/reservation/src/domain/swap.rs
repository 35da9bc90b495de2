use super::{CancelReason, Reservation, Status};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What a wish for other seats comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SwapDecision {
    /// Swap them, if they can be had.
    Swap,
    /// They are the reservation's already: the first reply was lost.
    Unchanged,
}

/// Why a reservation's seats stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SwapRefusal {
    /// The hold is over, swept or not.
    HoldExpired,
    /// It is confirmed, or cancelled in another way.
    NotPending,
    /// A payment runs, for these seats and this amount.
    PaymentInProgress,
}

/// The buyer wants `wanted` (sorted) instead of the reservation's seats, at the database's time `now`.
pub(crate) fn decide_swap(
    reservation: &Reservation,
    wanted: &[Uuid],
    now: DateTime<Utc>,
) -> Result<SwapDecision, SwapRefusal> {
    match (reservation.status, reservation.cancel_reason) {
        (Status::Cancelled, Some(CancelReason::HoldExpired)) => Err(SwapRefusal::HoldExpired),
        (Status::Confirmed | Status::Cancelled, _) => Err(SwapRefusal::NotPending),
        (Status::Pending, _) if reservation.payment_lock.is_some() => Err(SwapRefusal::PaymentInProgress),
        (Status::Pending, _) if now >= reservation.hold_expires_at => Err(SwapRefusal::HoldExpired),
        (Status::Pending, _) if reservation.seat_ids() == wanted => Ok(SwapDecision::Unchanged),
        (Status::Pending, _) => Ok(SwapDecision::Swap),
    }
}
