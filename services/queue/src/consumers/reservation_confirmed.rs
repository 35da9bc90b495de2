use crate::{db::ended_places, domain::made_at, state::AppState};
use messages::ReservationConfirmed;
use outbox::{Handled, HandlerError};
use sqlx::PgConnection;
use uuid::Uuid;

/// The buyer is done: the place goes to the next in line at once. The grant is compared, so that a late message ends no newer
/// session; the user's claim stays, because it names an event where he has no place and binds him to nothing.
///
/// That the place is used up is written in the message's transaction, lest a ticket bring it back after a loss of Redis. Who
/// dies, or loses Redis or the database, before the commit has the message again: a place that is gone is ended once more,
/// and the sale counted twice, which only makes admission ask for the unsold seats once more.
pub(super) async fn handle(
    state: &AppState,
    connection: &mut PgConnection,
    confirmed: &ReservationConfirmed,
) -> Result<Handled, HandlerError> {
    let event = confirmed.concert_id;
    if let Some(grant) = &confirmed.grant_id
        && let Some(granted_at) = Uuid::parse_str(grant).ok().and_then(made_at)
    {
        let granted_at = granted_at.timestamp_micros();
        ended_places::note_bought(connection, event, confirmed.user_id, grant, granted_at).await?;
    }
    state
        .line
        .release(
            event,
            confirmed.user_id,
            confirmed.grant_id.as_deref().unwrap_or_default(),
        )
        .await?;
    state.availability.outdate(event);
    state.waker.wake(event);
    Ok(Handled::done())
}
