use super::{create_hall::HallReply, get_venue::no_such_venue};
use crate::{
    db::{halls, venues},
    routes::problems::{BadParameters, Failures, Missing},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::ApiResult,
};
use uuid::Uuid;

/// Lists the halls of a venue by name.
#[utoipa::path(
    get,
    path = "/venues/{venueId}/halls",
    tag = "venues",
    params(("venueId" = Uuid, Path, description = "The venue")),
    responses((status = 200, description = "Its halls", body = Vec<HallReply>), BadParameters, Missing, Failures),
)]
pub(crate) async fn list_halls(
    State(state): State<AppState>,
    Path(venue_id): Path<Uuid>,
) -> ApiResult<Json<Vec<HallReply>>> {
    let halls = halls::of_venue(&state.pool, venue_id).await?;
    if halls.is_empty() {
        // Only now it matters whether there is such a venue at all.
        venues::find(&state.pool, venue_id).await?.ok_or_else(no_such_venue)?;
    }
    Ok(Json(halls.into_iter().map(HallReply::from).collect()))
}
