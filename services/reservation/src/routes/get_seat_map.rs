use super::problems::{BadParameters, Failures, MissingEvent, Unauthenticated};
use crate::{seat_map::SeatMap, state::AppState};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use common::{extract::Path, identity::User, problem::ApiResult};
use uuid::Uuid;

/// Shows which seats of an event are free. A seat that was held or sold a millisecond ago never shows as free.
#[utoipa::path(
    get,
    path = "/reservations/seats/{eventId}",
    tag = "reservations",
    security(("bearer" = [])),
    params(("eventId" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, description = "The seats", body = SeatMap),
        BadParameters,
        Unauthenticated,
        MissingEvent,
        Failures,
    ),
)]
pub(crate) async fn get_seat_map(
    State(state): State<AppState>,
    _: User,
    Path(event_id): Path<Uuid>,
) -> ApiResult<Response> {
    let json = state.seat_maps.json(&state.catalogue, event_id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
