/// Why a payment ended without SUCCESS. Stable codes: they stand in rows, replies, messages and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureReason {
    /// The buyer began another payment for the same reservation.
    Superseded,
    /// The hold ended before it was confirmed.
    HoldExpired,
    /// The reservation was cancelled before it was confirmed.
    ReservationCancelled,
    /// The reservation holds other seats than when the payment was made.
    ReservationChanged,
    /// The lock was refused: the reservation is confirmed or cancelled.
    ReservationNotPending,
    /// The lock was refused: the reservation's total is another by now.
    AmountMismatch,
    /// The lock was refused: another payment holds it.
    PaymentInProgress,
    /// The lock was refused: there is no such reservation of this user.
    ReservationNotFound,
    /// The lock was refused in a way this release does not know.
    LockRefused,
    /// The bank or the payment token said no.
    Declined,
    /// PortOne knew of no charge long after it had been asked for one.
    NotCharged,
    /// PortOne captured something else than what we asked for; it is refunded.
    FactsMismatch,
    /// PortOne captured what we never confirmed; it is refunded.
    CapturedUnconfirmed,
    /// The money had been taken and given back at PortOne before we learned of it.
    CancelledAtPortone,
}

impl FailureReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "SUPERSEDED",
            Self::HoldExpired => "HOLD_EXPIRED",
            Self::ReservationCancelled => "RESERVATION_CANCELLED",
            Self::ReservationChanged => "RESERVATION_CHANGED",
            Self::ReservationNotPending => "RESERVATION_NOT_PENDING",
            Self::AmountMismatch => "AMOUNT_MISMATCH",
            Self::PaymentInProgress => "PAYMENT_IN_PROGRESS",
            Self::ReservationNotFound => "RESERVATION_NOT_FOUND",
            Self::LockRefused => "LOCK_REFUSED",
            Self::Declined => "DECLINED",
            Self::NotCharged => "NOT_CHARGED",
            Self::FactsMismatch => "FACTS_MISMATCH",
            Self::CapturedUnconfirmed => "CAPTURED_UNCONFIRMED",
            Self::CancelledAtPortone => "CANCELLED_AT_PORTONE",
        }
    }
}

/// Why money goes back. Stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundReason {
    /// The reservation was cancelled after it had been paid.
    ReservationCancelled,
    /// The concert was cancelled after the reservation had been paid. `payment_service.refunds` knows this word: these are
    /// many at once and wait in a line of their own.
    EventCancelled,
    /// The reservation could not be confirmed.
    ConfirmationFailed,
    /// A capture was found on a payment that had ended.
    LateCapture,
    /// A capture was found with other facts than ours.
    FactsMismatch,
    /// A capture was found that we never confirmed.
    CapturedUnconfirmed,
    /// Somebody gave it back at PortOne.
    RefundedAtPortone,
}

impl RefundReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ReservationCancelled => "RESERVATION_CANCELLED",
            Self::EventCancelled => "EVENT_CANCELLED",
            Self::ConfirmationFailed => "CONFIRMATION_FAILED",
            Self::LateCapture => "LATE_CAPTURE",
            Self::FactsMismatch => "FACTS_MISMATCH",
            Self::CapturedUnconfirmed => "CAPTURED_UNCONFIRMED",
            Self::RefundedAtPortone => "REFUNDED_AT_PORTONE",
        }
    }
}
