//! Payments that ended without paying for their reservation, as messages tell, or the payment service when it is asked.

use super::end;
use crate::{
    db::{self, Cancellation, Locked, RefundChange},
    domain::{CancelReason, PaymentStatus, Tickets, decide_compensation, decide_payment_failed},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A payment ended without a capture: the reservation that it holds the lock of is cancelled. Nothing if it holds none.
pub(crate) async fn payment_failed(
    connection: &mut PgConnection,
    reservation_id: Uuid,
    payment_id: Uuid,
) -> Result<Option<Tickets>, sqlx::Error> {
    let Some(Locked { reservation, .. }) = db::lock(connection, reservation_id).await? else {
        return Ok(None);
    };
    if !decide_payment_failed(&reservation, payment_id) {
        return Ok(None);
    }
    let change = Cancellation {
        reason: CancelReason::PaymentFailed,
        payment: Some((payment_id, PaymentStatus::Failed)),
        refund: RefundChange::None,
    };
    end(connection, &reservation, &change).await.map(Some)
}

/// A payment's money went back without our doing: the reservation that lives by it is cancelled, and never refunded again.
/// Nothing if none does. The refund's exact time comes with `PaymentRefunded`.
pub(crate) async fn compensate(
    connection: &mut PgConnection,
    reservation_id: Uuid,
    payment_id: Uuid,
) -> Result<Option<Tickets>, sqlx::Error> {
    let Some(Locked { reservation, now, .. }) = db::lock(connection, reservation_id).await? else {
        return Ok(None);
    };
    if !decide_compensation(&reservation, payment_id) {
        return Ok(None);
    }
    let change = Cancellation {
        reason: CancelReason::Compensated,
        payment: Some((payment_id, PaymentStatus::Refunded)),
        refund: RefundChange::Done(reservation.total_amount, now),
    };
    end(connection, &reservation, &change).await.map(Some)
}
