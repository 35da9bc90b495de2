//! What the service hears from the reservation service: one file per message.

mod reservation_cancelled;
mod reservation_confirmation_failed;
mod reservation_confirmed;

use messages::{Envelope, Message, ReservationCancelled, ReservationConfirmationFailed, ReservationConfirmed};
use outbox::{Handled, Handler, HandlerError};
use sqlx::PgConnection;

use crate::settlement::Settlement;

/// `reservation.events`.
pub(crate) struct ReservationEvents {
    settlement: Settlement,
}

impl ReservationEvents {
    pub(crate) fn new(settlement: Settlement) -> Self {
        Self { settlement }
    }
}

impl Handler for ReservationEvents {
    const TYPES: &'static [&'static str] = &[
        ReservationConfirmed::TYPE,
        ReservationCancelled::TYPE,
        ReservationConfirmationFailed::TYPE,
    ];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        if message.is::<ReservationConfirmed>() {
            reservation_confirmed::handle(transaction, &message.decode()?).await?;
        } else if message.is::<ReservationCancelled>() {
            reservation_cancelled::handle(&self.settlement, transaction, &message.decode()?).await?;
        } else {
            reservation_confirmation_failed::handle(&self.settlement, transaction, &message.decode()?).await?;
        }
        let refund_due = self.settlement.refund_due.clone();
        Ok(Handled::and_then(async move { refund_due.notify_one() }))
    }
}
