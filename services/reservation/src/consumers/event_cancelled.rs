use crate::{
    db::{self, Closing},
    state::AppState,
};
use common::crash;
use messages::EventCancelled;
use outbox::{Handled, HandlerError};
use sqlx::PgConnection;

/// A concert will not take place. It is closed while nobody else acts on it: whoever found it open has committed, and is
/// seen by the worker that ends its reservations; whoever comes later finds it closed. Copies of the concert in memory are
/// stale too.
pub(super) async fn handle(
    state: &AppState,
    transaction: &mut PgConnection,
    cancelled: &EventCancelled,
) -> Result<Handled, HandlerError> {
    let event_id = cancelled.concert_id;
    db::lock_event(transaction, event_id).await?;
    db::close_event(transaction, event_id, Closing::Cancelled).await?;
    db::raise_event_version(transaction, event_id, cancelled.version).await?;
    let state = state.clone();
    Ok(Handled::and_then(async move {
        crash::point("reservation.closing.closed");
        tracing::info!(event.id = %event_id, "an event is closed; its reservations are being cancelled");
        state.event_closed.notify_one();
    }))
}
