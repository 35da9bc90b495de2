use super::problems::Failures;
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
    responses((status = 204, description = "The user is in no line"), Failures),
)]
pub(crate) async fn leave(State(state): State<AppState>, user: User) -> ApiResult<StatusCode> {
    // The claim goes first: an entry in another tab then finds none and sets its own, instead of losing it afterwards.
    if let Some(event) = state.line.leave_claim(user.id, state.limits.user_claim).await? {
        state.line.leave(event, user.id).await?;
        state.waker.wake(event);
    }
    Ok(StatusCode::NO_CONTENT)
}
