use crate::reads::Reads;
use messages::{Envelope, EventCancelled, EventChanged, Message};
use outbox::{Handled, Handler, HandlerError};
use sqlx::PgConnection;
use std::sync::Arc;

/// `event.events`: what was changed is forgotten in Redis. Whoever changed it has done so right after its commit; this is for
/// when it died in between. It is done before the message counts as handled, so a Redis that is away is waited for, and
/// doing it twice does no harm.
pub(crate) struct EventEvents(pub(crate) Arc<Reads>);

impl Handler for EventEvents {
    const TYPES: &'static [&'static str] = &[EventChanged::TYPE, EventCancelled::TYPE];

    async fn handle(&self, _: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let concert = match message.event_type.as_str() {
            EventCancelled::TYPE => message.decode::<EventCancelled>()?.concert_id,
            _ => message.decode::<EventChanged>()?.concert_id,
        };
        self.0.forget(&[concert]).await?;
        Ok(Handled::done())
    }
}
