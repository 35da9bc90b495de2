//! Which change follows from what somebody asks for, given the locked reservation. Every wrong state has an answer of its
//! own; none is passed over in silence (`design.md` §8, invariant I5).

use super::{CancelReason, Reservation, Status};
use chrono::{DateTime, Utc};
use messages::ConfirmationFailure;
use uuid::Uuid;

/// Why a buyer's release or cancellation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is confirmed, or cancelled in another way.
    NotPending,
    /// A payment runs.
    PaymentInProgress,
    /// It is the day of the concert.
    CancellationClosed,
}

/// What a release of the hold comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseDecision {
    /// Cancel it.
    Release,
    /// The hold is over already.
    AlreadyOver,
}

/// The buyer gives the hold back.
pub(crate) fn decide_release(reservation: &Reservation) -> Result<ReleaseDecision, Refusal> {
    match (reservation.status, reservation.cancel_reason) {
        (Status::Pending, _) if reservation.payment_lock.is_some() => Err(Refusal::PaymentInProgress),
        (Status::Pending, _) => Ok(ReleaseDecision::Release),
        (Status::Cancelled, Some(CancelReason::HoldReleased | CancelReason::HoldExpired)) => {
            Ok(ReleaseDecision::AlreadyOver)
        }
        (Status::Confirmed | Status::Cancelled, _) => Err(Refusal::NotPending),
    }
}

/// What a cancellation comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelDecision {
    /// Cancel the hold; no money has moved.
    Release,
    /// Cancel the booking; the whole amount goes back.
    CancelAndRefund,
    /// It is cancelled already.
    AlreadyCancelled,
}

/// The buyer cancels, at the database's time `now`.
pub(crate) fn decide_cancel(reservation: &Reservation, now: DateTime<Utc>) -> Result<CancelDecision, Refusal> {
    match reservation.status {
        Status::Pending if reservation.payment_lock.is_some() => Err(Refusal::PaymentInProgress),
        Status::Pending => Ok(CancelDecision::Release),
        Status::Confirmed if reservation.cancellable_until().is_some_and(|end| now >= end) => {
            Err(Refusal::CancellationClosed)
        }
        Status::Confirmed => Ok(CancelDecision::CancelAndRefund),
        Status::Cancelled => Ok(CancelDecision::AlreadyCancelled),
    }
}

/// What a payment's request for the lock comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockDecision {
    /// Lock it.
    Lock,
    /// This payment holds the lock already: its first reply was lost.
    AlreadyLocked,
}

/// Why a payment does not get the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockRefusal {
    /// The hold ran out, or somebody else has a seat by now.
    HoldExpired,
    /// It is confirmed or cancelled, or the concert takes no more payments.
    NotPending,
    /// The payment is over another amount.
    AmountMismatch,
    /// Another payment holds the lock.
    PaymentInProgress,
}

/// A payment asks for the lock before it moves money. `held` of the reservation's seats could be locked; all must.
pub(crate) fn decide_payment_lock(
    reservation: &Reservation,
    payment_id: Uuid,
    amount: i64,
    held: usize,
    event_closed: bool,
) -> Result<LockDecision, LockRefusal> {
    match (reservation.status, reservation.payment_lock) {
        (Status::Cancelled, _) if reservation.cancel_reason == Some(CancelReason::HoldExpired) => {
            Err(LockRefusal::HoldExpired)
        }
        (Status::Confirmed | Status::Cancelled, _) => Err(LockRefusal::NotPending),
        (Status::Pending, Some(holder)) if holder != payment_id => Err(LockRefusal::PaymentInProgress),
        (Status::Pending, _) if amount != reservation.total_amount => Err(LockRefusal::AmountMismatch),
        (Status::Pending, Some(_)) => Ok(LockDecision::AlreadyLocked),
        (Status::Pending, None) if event_closed => Err(LockRefusal::NotPending),
        (Status::Pending, None) if held < reservation.seats.len() => Err(LockRefusal::HoldExpired),
        (Status::Pending, None) => Ok(LockDecision::Lock),
    }
}

/// What captured money comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuccessDecision {
    /// Confirm; the seats are sold.
    Confirm,
    /// This payment confirmed it before.
    AlreadyConfirmed,
    /// The money must go back. The reservation is cancelled too if there is a reason to; otherwise it stays as it is.
    Refuse(ConfirmationFailure, Option<CancelReason>),
}

/// A payment captured `amount`. `held` of the reservation's seats are still its own, expired or not.
pub(crate) fn decide_payment_success(
    reservation: &Reservation,
    payment_id: Uuid,
    amount: i64,
    held: usize,
    event_closed: bool,
) -> SuccessDecision {
    use SuccessDecision::{AlreadyConfirmed, Confirm, Refuse};
    match (reservation.status, reservation.payment_lock) {
        (Status::Confirmed, _) if reservation.payment_id == Some(payment_id) => AlreadyConfirmed,
        (Status::Confirmed, _) => Refuse(ConfirmationFailure::AlreadyConfirmed, None),
        (Status::Cancelled, _) => Refuse(ConfirmationFailure::AlreadyCancelled, None),
        // The seats belong to the payment that holds the lock; this one gave its own up before.
        (Status::Pending, Some(holder)) if holder != payment_id => Refuse(ConfirmationFailure::AlreadyConfirmed, None),
        (Status::Pending, _) if event_closed => {
            Refuse(ConfirmationFailure::EventClosed, Some(CancelReason::EventCancelled))
        }
        (Status::Pending, _) if amount != reservation.total_amount => Refuse(
            ConfirmationFailure::AmountMismatch,
            Some(CancelReason::ConfirmationFailed),
        ),
        (Status::Pending, _) if held < reservation.seats.len() => {
            Refuse(ConfirmationFailure::SeatsLost, Some(CancelReason::ConfirmationFailed))
        }
        (Status::Pending, _) => Confirm,
    }
}

/// A payment ended without a capture: whether that ends the reservation. Only the payment that holds the lock can.
pub(crate) fn decide_payment_failed(reservation: &Reservation, payment_id: Uuid) -> bool {
    reservation.status == Status::Pending && reservation.payment_lock == Some(payment_id)
}

/// The money of a payment went back without our doing: whether that ends the reservation. Only if it lives by that payment.
pub(crate) fn decide_compensation(reservation: &Reservation, payment_id: Uuid) -> bool {
    match reservation.status {
        Status::Pending => reservation.payment_lock == Some(payment_id),
        Status::Confirmed => reservation.payment_id == Some(payment_id),
        Status::Cancelled => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYMENT: Uuid = Uuid::from_u128(7);
    const OTHER: Uuid = Uuid::from_u128(8);

    fn pending() -> Reservation {
        Reservation::sample(300_000)
    }

    fn locked() -> Reservation {
        Reservation {
            payment_id: Some(PAYMENT),
            payment_lock: Some(PAYMENT),
            ..pending()
        }
    }

    fn confirmed() -> Reservation {
        Reservation {
            status: Status::Confirmed,
            payment_lock: None,
            ..locked()
        }
    }

    fn cancelled(reason: CancelReason) -> Reservation {
        Reservation {
            status: Status::Cancelled,
            cancel_reason: Some(reason),
            ..pending()
        }
    }

    #[test]
    fn a_running_payment_keeps_the_buyer_from_letting_go() {
        let now = pending().created_at;
        assert_eq!(decide_release(&locked()), Err(Refusal::PaymentInProgress));
        assert_eq!(decide_cancel(&locked(), now), Err(Refusal::PaymentInProgress));
        assert_eq!(decide_release(&pending()), Ok(ReleaseDecision::Release));
    }

    #[test]
    fn releasing_twice_is_once_and_a_sold_seat_is_not_released() {
        assert_eq!(
            decide_release(&cancelled(CancelReason::HoldReleased)),
            Ok(ReleaseDecision::AlreadyOver)
        );
        assert_eq!(
            decide_release(&cancelled(CancelReason::HoldExpired)),
            Ok(ReleaseDecision::AlreadyOver)
        );
        assert_eq!(
            decide_release(&cancelled(CancelReason::PaymentFailed)),
            Err(Refusal::NotPending)
        );
        assert_eq!(decide_release(&confirmed()), Err(Refusal::NotPending));
    }

    #[test]
    fn a_booking_is_cancelled_until_midnight_before_the_concert() {
        let end: DateTime<Utc> = "2026-01-10T15:00:00Z".parse().unwrap();
        let before = end - chrono::TimeDelta::milliseconds(1);
        assert_eq!(decide_cancel(&confirmed(), before), Ok(CancelDecision::CancelAndRefund));
        assert_eq!(decide_cancel(&confirmed(), end), Err(Refusal::CancellationClosed));
        assert_eq!(decide_cancel(&pending(), end), Ok(CancelDecision::Release));
    }

    #[test]
    fn the_lock_is_for_one_payment_over_the_whole_amount_with_all_seats() {
        let lock = |r: &Reservation, payment, amount, held| decide_payment_lock(r, payment, amount, held, false);
        assert_eq!(lock(&pending(), PAYMENT, 300_000, 2), Ok(LockDecision::Lock));
        assert_eq!(lock(&locked(), PAYMENT, 300_000, 2), Ok(LockDecision::AlreadyLocked));
        assert_eq!(lock(&locked(), OTHER, 300_000, 2), Err(LockRefusal::PaymentInProgress));
        assert_eq!(lock(&pending(), PAYMENT, 150_000, 2), Err(LockRefusal::AmountMismatch));
        assert_eq!(lock(&pending(), PAYMENT, 300_000, 1), Err(LockRefusal::HoldExpired));
        assert_eq!(lock(&confirmed(), PAYMENT, 300_000, 0), Err(LockRefusal::NotPending));
        assert_eq!(
            lock(&cancelled(CancelReason::HoldExpired), PAYMENT, 300_000, 0),
            Err(LockRefusal::HoldExpired)
        );
        assert_eq!(
            decide_payment_lock(&pending(), PAYMENT, 300_000, 2, true),
            Err(LockRefusal::NotPending)
        );
    }

    #[test]
    fn captured_money_confirms_or_goes_back() {
        let pay = |r: &Reservation, payment, amount, held| decide_payment_success(r, payment, amount, held, false);
        assert_eq!(pay(&locked(), PAYMENT, 300_000, 2), SuccessDecision::Confirm);
        // Expired, unswept and untaken: the seats are still there.
        assert_eq!(pay(&pending(), PAYMENT, 300_000, 2), SuccessDecision::Confirm);
        assert_eq!(
            pay(&confirmed(), PAYMENT, 300_000, 0),
            SuccessDecision::AlreadyConfirmed
        );
        for (reservation, payment, held, failure, reason) in [
            (confirmed(), OTHER, 0, ConfirmationFailure::AlreadyConfirmed, None),
            (locked(), OTHER, 2, ConfirmationFailure::AlreadyConfirmed, None),
            (
                cancelled(CancelReason::UserRequest),
                PAYMENT,
                0,
                ConfirmationFailure::AlreadyCancelled,
                None,
            ),
            (
                pending(),
                PAYMENT,
                1,
                ConfirmationFailure::SeatsLost,
                Some(CancelReason::ConfirmationFailed),
            ),
        ] {
            assert_eq!(
                pay(&reservation, payment, 300_000, held),
                SuccessDecision::Refuse(failure, reason)
            );
        }
        assert_eq!(
            decide_payment_success(&locked(), PAYMENT, 300_000, 2, true),
            SuccessDecision::Refuse(ConfirmationFailure::EventClosed, Some(CancelReason::EventCancelled))
        );
    }

    #[test]
    fn only_the_payment_it_lives_by_can_end_a_reservation() {
        assert!(decide_payment_failed(&locked(), PAYMENT));
        assert!(!decide_payment_failed(&locked(), OTHER));
        assert!(!decide_payment_failed(&pending(), PAYMENT));
        assert!(!decide_payment_failed(&confirmed(), PAYMENT));
        assert!(decide_compensation(&confirmed(), PAYMENT) && decide_compensation(&locked(), PAYMENT));
        assert!(!decide_compensation(&confirmed(), OTHER));
        assert!(!decide_compensation(&cancelled(CancelReason::UserRequest), PAYMENT));
    }
}
