use super::create_venue::VenueReply;
use crate::{
    db::venues,
    routes::problems::{BadParameters, Failures, Missing},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::Path,
    problem::{ApiResult, Code, Problem},
};
use uuid::Uuid;

/// Shows a venue.
#[utoipa::path(
    get,
    path = "/venues/{id}",
    tag = "venues",
    params(("id" = Uuid, Path, description = "The venue")),
    responses((status = 200, description = "The venue", body = VenueReply, headers(("ETag" = String))), BadParameters, Missing, Failures),
)]
pub(crate) async fn get_venue(State(state): State<AppState>, Path(id): Path<Uuid>) -> ApiResult<VenueReply> {
    let venue = venues::find(&state.pool, id).await?;
    venue.map(VenueReply::from).ok_or_else(no_such_venue)
}

/// 404 about a venue.
pub(super) fn no_such_venue() -> Problem {
    Problem::new(Code::NotFound).detail("There is no such venue.")
}
