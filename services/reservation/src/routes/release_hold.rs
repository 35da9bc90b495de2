use super::{
    hold_problems,
    problems::{BadParameters, Failures, HoldOver, Missing, Unauthenticated},
};
use crate::{
    state::AppState,
    transitions::{self, ReleaseOutcome},
};
use axum::{extract::State, http::StatusCode};
use common::{
    crash,
    extract::Path,
    identity::User,
    problem::{ApiResult, Code, Problem},
};
use uuid::Uuid;

/// Gives a hold back. Doing it again, or after it ran out, changes nothing.
#[utoipa::path(
    delete,
    path = "/reservations/hold/{id}",
    tag = "reservations",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The reservation")),
    responses(
        (status = 204, description = "The seats are free"),
        BadParameters,
        Unauthenticated,
        Missing,
        HoldOver,
        Failures,
    ),
)]
pub(crate) async fn release_hold(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
) -> ApiResult<StatusCode> {
    let mut transaction = state.pool.begin().await?;
    match transitions::release(&mut transaction, id, user.id).await? {
        ReleaseOutcome::NotFound => Err(Problem::new(Code::NotFound)),
        ReleaseOutcome::Refused(refusal) => Err(hold_problems::not_endable(refusal)),
        ReleaseOutcome::AlreadyOver => Ok(StatusCode::NO_CONTENT),
        ReleaseOutcome::Released(tickets) => {
            state.outbox.commit(transaction).await?;
            crash::point("reservation.release.committed");
            state.after_end(&[tickets]).await;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}
