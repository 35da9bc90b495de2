use crate::state::AppState;
use messages::{ChangeKind, EventChanged};
use outbox::{Handled, HandlerError};

/// The sale window may have moved. The other replicas notice when their copy has aged.
pub(super) async fn handle(state: &AppState, changed: &EventChanged) -> Result<Handled, HandlerError> {
    state.events.forget(changed.concert_id);
    if changed.change == ChangeKind::Deleted {
        state.line.close(changed.concert_id).await?;
    }
    state.waker.wake(changed.concert_id);
    Ok(Handled::done())
}
