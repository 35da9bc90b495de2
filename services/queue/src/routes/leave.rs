use super::problems::{Failures, Unauthenticated};
use crate::state::AppState;
use axum::extract::State;
use common::{identity::User, problem::ApiResult};
use http::StatusCode;

/// Gives up the user's place and reservation token; reservations and payment tokens remain. Repeating it does nothing.
#[utoipa::path(
    delete,
    path = "/queue/leave",
    tag = "queue",
    security(("bearer" = [])),
    responses((status = 204, description = "The user is in no line"), Unauthenticated, Failures),
)]
pub(crate) async fn leave(State(state): State<AppState>, user: User) -> ApiResult<StatusCode> {
    let life = state.limits.user_claim;
    if let Some(event) = state.line.claimed_event(user.id).await? {
        // The place goes first: dying after it leaves a claim that binds nobody, and repeating finds nothing to do.
        if state.line.leave(event, user.id).await? {
            state.line.remember_left(user.id, event, life).await?;
            state.waker.wake(event);
        }
        state.line.unclaim(user.id, event, life).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
