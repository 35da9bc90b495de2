use crate::state::AppState;
use messages::ReservationConfirmed;
use outbox::{Handled, HandlerError};

/// The buyer is done: the place goes to the next in line at once. The grant is compared, so that a late message ends no newer
/// session; the user's claim stays, because it names an event where he has no place and binds him to nothing.
pub(super) async fn handle(state: &AppState, confirmed: &ReservationConfirmed) -> Result<Handled, HandlerError> {
    let event = confirmed.concert_id;
    state
        .line
        .release(
            event,
            confirmed.user_id,
            confirmed.grant_id.as_deref().unwrap_or_default(),
        )
        .await?;
    state.availability.forget(event);
    state.waker.wake(event);
    Ok(Handled::done())
}
