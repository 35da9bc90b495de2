use super::after_end;
use crate::{state::AppState, transitions};
use messages::PaymentFailed;
use outbox::{Handled, HandlerError};
use sqlx::PgConnection;

/// A payment ended without a capture: the reservation that it holds the lock of is cancelled. One that holds no lock ended
/// nothing: the buyer may have begun another.
pub(super) async fn handle(
    state: &AppState,
    transaction: &mut PgConnection,
    failed: &PaymentFailed,
) -> Result<Handled, HandlerError> {
    let ended = transitions::payment_failed(transaction, failed.reservation_id, failed.payment_id).await?;
    Ok(after_end(state, ended))
}
