use super::after_end;
use crate::{state::AppState, transitions};
use messages::CompensateReservation;
use outbox::{Handled, HandlerError};
use sqlx::PgConnection;

/// The money of a payment went back without our doing, by hand at the provider: the reservation that lives by it ends as
/// `COMPENSATED`. The message may overtake the payment's success, which travels on another topic and then finds the
/// reservation cancelled.
pub(super) async fn handle(
    state: &AppState,
    transaction: &mut PgConnection,
    compensation: &CompensateReservation,
) -> Result<Handled, HandlerError> {
    let ended = transitions::compensate(transaction, compensation.reservation_id, compensation.payment_id).await?;
    Ok(after_end(state, ended))
}
