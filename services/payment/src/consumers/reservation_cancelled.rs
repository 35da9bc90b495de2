use messages::{CancelReason, ReservationCancelled};
use sqlx::PgConnection;

use crate::{
    db,
    domain::{FailureReason, PaymentStatus, RefundReason, ReservationStatus},
    settlement::{Settlement, end_if_unconfirmed},
};

/// The reservation is over. What was paid for it goes back, unless it went back already; what was only begun ends. A
/// payment whose confirm runs is left alone: if it succeeds after all, it finds the reservation cancelled and is refunded
/// then.
pub(super) async fn handle(
    settlement: &Settlement,
    connection: &mut PgConnection,
    message: &ReservationCancelled,
) -> Result<(), sqlx::Error> {
    let (reservation, version) = (message.reservation_id, message.reservation_version);
    if !db::sagas::note_reservation(connection, reservation, ReservationStatus::Cancelled, version).await? {
        return Ok(());
    }
    let Some(payment) = db::payments::lock_live(connection, reservation).await? else {
        return Ok(());
    };
    match payment.status {
        PaymentStatus::Success if message.reason != CancelReason::Compensated => {
            let reason = match message.reason {
                CancelReason::EventCancelled => RefundReason::EventCancelled,
                _ => RefundReason::ReservationCancelled,
            };
            settlement
                .request_refund(connection, &payment, payment.amount, reason)
                .await
        }
        PaymentStatus::Pending => {
            let reason = match message.reason {
                CancelReason::HoldExpired => FailureReason::HoldExpired,
                _ => FailureReason::ReservationCancelled,
            };
            end_if_unconfirmed(connection, &payment, reason).await.map(|_ended| ())
        }
        PaymentStatus::Success | PaymentStatus::Failed | PaymentStatus::Refunded => Ok(()),
    }
}
