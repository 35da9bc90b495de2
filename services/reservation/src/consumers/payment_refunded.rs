use crate::{db, state::AppState};
use messages::PaymentRefunded;
use outbox::{Handled, HandlerError};
use sqlx::PgConnection;

/// The money has gone back: the reservation shows it. Money of a payment that the reservation does not live by, such as a
/// second one, is the payment service's alone.
pub(super) async fn handle(
    state: &AppState,
    transaction: &mut PgConnection,
    refunded: &PaymentRefunded,
) -> Result<Handled, HandlerError> {
    let reservation_id = refunded.reservation_id;
    let shown = db::record_refund(
        transaction,
        reservation_id,
        refunded.payment_id,
        refunded.amount,
        refunded.requested_at,
        refunded.refunded_at,
    )
    .await?;
    if !shown {
        return Ok(Handled::done());
    }
    let state = state.clone();
    Ok(Handled::and_then(async move { state.after_change(reservation_id) }))
}
