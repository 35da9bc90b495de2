use super::{
    problems::{Failures, Unauthenticated},
    queue_status::ticket_of,
};
use crate::{db::ended_places, state::AppState};
use axum::extract::State;
use common::{crash, identity::User, problem::ApiResult};
use http::{HeaderMap, StatusCode};
use std::time::Duration;
use uuid::Uuid;

/// The leave does not wait longer for the note that only a loss of Redis would ask for.
const NOTE_TIMEOUT: Duration = Duration::from_secs(1);

/// Gives up the user's place and reservation token; reservations and payment tokens remain. Repeating it does nothing.
#[utoipa::path(
    delete,
    path = "/queue/leave",
    tag = "queue",
    security(("bearer" = [])),
    params(("X-Queue-Ticket" = Option<String>, Header, description = "The last `queueTicket`, which names the line if a failure of ours made us forget it")),
    responses((status = 204, description = "The user is in no line"), Unauthenticated, Failures),
)]
pub(crate) async fn leave(State(state): State<AppState>, user: User, headers: HeaderMap) -> ApiResult<StatusCode> {
    let life = state.limits.user_claim;
    let claimed = state.line.claimed_event(user.id).await?;
    let ticketed = || ticket_of(&state, &headers, user.id).map(|ticket| ticket.event);
    if let Some(event) = claimed.or_else(ticketed) {
        // Before the place goes: Redis lost in between would else give it back to an old ticket.
        note(&state, event, user.id).await?;
        crash::point("queue.leave.noted");
        // Then the place: dying after it leaves a claim that binds nobody, and repeating finds nothing to do.
        if state.line.leave(event, user.id).await? {
            state.line.remember_left(user.id, event, life).await?;
            state.waker.wake(event);
        }
        state.line.unclaim(user.id, event, life).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Writes down that every place of the user's until now is over. While the database is away nothing is written: that matters
/// only if Redis is lost as well, and then gives the user his own place back.
async fn note(state: &AppState, event: Uuid, user: Uuid) -> redis::RedisResult<()> {
    let now = state.line.now().await?.timestamp_micros();
    let noted = tokio::time::timeout(NOTE_TIMEOUT, ended_places::note_left(&state.pool, event, user, now)).await;
    match noted {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(event.id = %event, error.message = %error, "cannot note that somebody left"),
        Err(_) => tracing::warn!(event.id = %event, "cannot note in time that somebody left"),
    }
    Ok(())
}
