use crate::state::AppState;
use messages::ReservationCancelled;

/// Seats came back. That ends no place: after a released hold or a declined card the buyer may choose again, and the place of
/// a confirmed reservation ended with its confirmation. But a sold-out line may move again.
pub(super) fn handle(state: &AppState, cancelled: &ReservationCancelled) {
    state.availability.outdate(cancelled.concert_id);
    state.waker.wake(cancelled.concert_id);
}
