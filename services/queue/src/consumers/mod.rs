//! What the service hears from others: sales free places, seats come back, events change and end.
//!
//! Redis is no part of the inbox's transaction, so each effect may happen twice and is made so that this changes nothing.

mod event_cancelled;
mod event_changed;
mod reservation_cancelled;
mod reservation_confirmed;

use crate::state::AppState;
use messages::{Envelope, EventCancelled, EventChanged, Message, ReservationCancelled, ReservationConfirmed};
use outbox::{Handled, Handler, HandlerError};
use sqlx::PgConnection;

/// `reservation.events`.
pub(crate) struct ReservationEvents(pub(crate) AppState);

impl Handler for ReservationEvents {
    const TYPES: &'static [&'static str] = &[ReservationConfirmed::TYPE, ReservationCancelled::TYPE];

    async fn handle(&self, connection: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        if message.is::<ReservationConfirmed>() {
            reservation_confirmed::handle(&self.0, connection, &message.decode()?).await
        } else {
            reservation_cancelled::handle(&self.0, &message.decode()?);
            Ok(Handled::done())
        }
    }
}

/// `event.events`.
pub(crate) struct EventEvents(pub(crate) AppState);

impl Handler for EventEvents {
    const TYPES: &'static [&'static str] = &[EventChanged::TYPE, EventCancelled::TYPE];

    async fn handle(&self, _: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        if message.is::<EventCancelled>() {
            event_cancelled::handle(&self.0, &message.decode()?).await
        } else {
            event_changed::handle(&self.0, &message.decode()?).await
        }
    }
}
