//! Captured money: the seats are sold, or the money goes back (`design.md` §8.4).
//!
//! | when it comes | then |
//! |---|---|
//! | while the payment holds the lock | confirmed |
//! | after an unlock or the hold's end, seats still there | confirmed |
//! | after somebody took a seat over, or the amount differs | the reservation is cancelled, the money goes back |
//! | after a cancellation, by whomever | the money goes back |
//! | after the event was closed | the reservation is cancelled, the money goes back |
//! | a second time | nothing |
//! | a second payment for a confirmed or otherwise locked reservation | that money goes back, the reservation stays |
//! | for a reservation that is not there (restored from an old backup) | the money goes back |

use super::after_end;
use crate::{
    db::{self, Cancellation, Locked, RefundChange},
    domain::{CancelReason, PaymentStatus, Reservation, SuccessDecision, decide_payment_success},
    metrics::count_failed_confirmation,
    state::AppState,
};
use chrono::{DateTime, Utc};
use messages::{ConfirmationFailure, PaymentSuccess, ReservationConfirmationFailed, ReservationConfirmed};
use outbox::{Handled, HandlerError};
use sqlx::PgConnection;

pub(super) async fn handle(
    state: &AppState,
    transaction: &mut PgConnection,
    paid: &PaymentSuccess,
) -> Result<Handled, HandlerError> {
    db::share_event(transaction, paid.concert_id).await?;
    let event_closed = db::is_event_closed(transaction, paid.concert_id).await?;
    let Some(Locked { reservation, held, now }) = db::lock(transaction, paid.reservation_id).await? else {
        tracing::error!(
            reservation.id = %paid.reservation_id,
            payment.id = %paid.payment_id,
            "a payment names a reservation that is not there; its money goes back"
        );
        // Without a row there is no time and no version of ours; the message's own are the nearest.
        send_back(
            transaction,
            paid,
            ConfirmationFailure::SeatsLost,
            paid.paid_at,
            paid.reservation_version,
        )
        .await?;
        return Ok(Handled::done());
    };
    match decide_payment_success(&reservation, paid.payment_id, paid.amount, held, event_closed) {
        SuccessDecision::AlreadyConfirmed => Ok(Handled::done()),
        SuccessDecision::Confirm => confirm(state, transaction, &reservation, paid).await,
        SuccessDecision::Refuse(failure, Some(reason)) => {
            refuse_and_cancel(state, transaction, &reservation, paid, failure, reason).await
        }
        SuccessDecision::Refuse(failure, None) => {
            refuse(transaction, &reservation, paid, failure, now).await?;
            let (state, id) = (state.clone(), reservation.id);
            Ok(Handled::and_then(async move { state.after_change(id) }))
        }
    }
}

async fn confirm(
    state: &AppState,
    transaction: &mut PgConnection,
    reservation: &Reservation,
    paid: &PaymentSuccess,
) -> Result<Handled, HandlerError> {
    let (version, confirmed_at) = db::confirm(transaction, reservation, paid.payment_id, paid.paid_at).await?;
    let message = ReservationConfirmed {
        reservation_id: reservation.id,
        user_id: reservation.user_id,
        concert_id: reservation.event_id,
        seat_ids: reservation.seat_ids(),
        amount: reservation.total_amount,
        payment_id: paid.payment_id,
        confirmed_at,
        reservation_version: version,
        grant_id: reservation.grant_id.clone(),
    };
    outbox::enqueue(transaction, &message).await?;
    // Sold seats need no hold in Redis: the database keeps others off them for good.
    Ok(after_end(state, Some(reservation.tickets())))
}

async fn refuse_and_cancel(
    state: &AppState,
    transaction: &mut PgConnection,
    reservation: &Reservation,
    paid: &PaymentSuccess,
    failure: ConfirmationFailure,
    reason: CancelReason,
) -> Result<Handled, HandlerError> {
    let change = Cancellation {
        reason,
        payment: Some((paid.payment_id, PaymentStatus::Success)),
        refund: RefundChange::Requested(paid.amount),
    };
    let (version, cancelled_at) = db::cancel(transaction, reservation, &change).await?;
    send_back(transaction, paid, failure, cancelled_at, version).await?;
    Ok(after_end(state, Some(reservation.tickets())))
}

/// The reservation stays as it is; if it was cancelled before without any money, it now shows the money that goes back.
async fn refuse(
    transaction: &mut PgConnection,
    reservation: &Reservation,
    paid: &PaymentSuccess,
    failure: ConfirmationFailure,
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let first_money = failure == ConfirmationFailure::AlreadyCancelled && reservation.refund.is_none();
    let version = if first_money {
        db::record_late_capture(transaction, reservation, paid.payment_id, paid.amount).await?
    } else {
        reservation.version
    };
    send_back(transaction, paid, failure, now, version).await
}

/// Tells the payment service to refund.
async fn send_back(
    transaction: &mut PgConnection,
    paid: &PaymentSuccess,
    reason: ConfirmationFailure,
    failed_at: DateTime<Utc>,
    reservation_version: i64,
) -> Result<(), HandlerError> {
    let message = ReservationConfirmationFailed {
        reservation_id: paid.reservation_id,
        user_id: paid.user_id,
        concert_id: paid.concert_id,
        seat_ids: paid.seat_ids.clone(),
        amount: paid.amount,
        payment_id: paid.payment_id,
        reason,
        failed_at,
        reservation_version,
        grant_id: paid.grant_id.clone(),
    };
    outbox::enqueue(transaction, &message).await?;
    count_failed_confirmation();
    Ok(())
}
