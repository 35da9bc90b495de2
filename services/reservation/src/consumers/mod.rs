//! What the service hears from others: one handler per consumer group, one file per message. The runner of `outbox` has put
//! the message's id into the inbox in the same transaction, so each takes effect once; in whatever order they come, the
//! locked reservation decides what follows.

mod compensate_reservation;
mod event_cancelled;
mod event_changed;
mod payment_failed;
mod payment_refunded;
mod payment_success;

use crate::{domain::Tickets, state::AppState};
use messages::{
    CompensateReservation, Envelope, EventCancelled, EventChanged, Message, PaymentFailed, PaymentRefunded,
    PaymentSuccess,
};
use outbox::{Handled, Handler, HandlerError};
use sqlx::PgConnection;

/// `payment.events`: how payments end.
pub(crate) struct PaymentEvents(pub(crate) AppState);

impl Handler for PaymentEvents {
    const TYPES: &'static [&'static str] = &[PaymentSuccess::TYPE, PaymentFailed::TYPE, PaymentRefunded::TYPE];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        match message.event_type.as_str() {
            PaymentSuccess::TYPE => payment_success::handle(&self.0, transaction, &message.decode()?).await,
            PaymentFailed::TYPE => payment_failed::handle(&self.0, transaction, &message.decode()?).await,
            _ => payment_refunded::handle(&self.0, transaction, &message.decode()?).await,
        }
    }
}

/// `compensation.events`: money that went back behind our back.
pub(crate) struct CompensationEvents(pub(crate) AppState);

impl Handler for CompensationEvents {
    const TYPES: &'static [&'static str] = &[CompensateReservation::TYPE];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        compensate_reservation::handle(&self.0, transaction, &message.decode()?).await
    }
}

/// `event.events`: changes of events, and their end.
pub(crate) struct EventEvents(pub(crate) AppState);

impl Handler for EventEvents {
    const TYPES: &'static [&'static str] = &[EventChanged::TYPE, EventCancelled::TYPE];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        if message.is::<EventCancelled>() {
            event_cancelled::handle(&self.0, transaction, &message.decode()?).await
        } else {
            event_changed::handle(transaction, &message.decode()?).await
        }
    }
}

/// Once the transaction has committed, the seats of what it ended become free in Redis, and who waits for it looks again.
fn after_end(state: &AppState, ended: Option<Tickets>) -> Handled {
    let Some(tickets) = ended else { return Handled::done() };
    let state = state.clone();
    Handled::and_then(async move { state.after_end(&[tickets]).await })
}
