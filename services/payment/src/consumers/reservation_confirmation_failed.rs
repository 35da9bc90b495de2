use messages::{ConfirmationFailure, ReservationConfirmationFailed};
use sqlx::PgConnection;

use crate::{
    db,
    domain::{PaymentStatus, RefundReason, ReservationStatus},
    settlement::Settlement,
};

/// A payment succeeded whose reservation cannot have it: the money goes back.
pub(super) async fn handle(
    settlement: &Settlement,
    connection: &mut PgConnection,
    message: &ReservationConfirmationFailed,
) -> Result<(), sqlx::Error> {
    let Some(locked) = db::payments::lock(connection, message.payment_id).await? else {
        return Ok(());
    };
    let payment = &locked.payment;
    if !matches!(payment.status, PaymentStatus::Success | PaymentStatus::Refunded) {
        return Ok(());
    }
    // Another payment may have confirmed the reservation; then it is not over.
    let status = match message.reason {
        ConfirmationFailure::AlreadyConfirmed => ReservationStatus::Confirmed,
        _ => ReservationStatus::Cancelled,
    };
    let version = message.reservation_version;
    db::sagas::note_reservation(connection, payment.reservation_id, status, version).await?;
    if payment.status == PaymentStatus::Success {
        let reason = RefundReason::ConfirmationFailed;
        settlement
            .request_refund(connection, payment, payment.amount, reason)
            .await?;
    }
    Ok(())
}
