use crate::state::AppState;
use messages::EventCancelled;
use outbox::{Handled, HandlerError};

/// Everybody goes, with the reason CLOSED. Who gets in by a replica that has not heard of it is sent away by the next tick.
pub(super) async fn handle(state: &AppState, cancelled: &EventCancelled) -> Result<Handled, HandlerError> {
    state.events.forget(cancelled.concert_id);
    state.line.close(cancelled.concert_id).await?;
    Ok(Handled::done())
}
