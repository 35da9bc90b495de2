use super::{
    hold_problems,
    hold_seats::{HoldReply, with_payment_token},
    problems::{BadBody, ChangeProblems, Failures, Missing, Unauthenticated},
};
use crate::{domain::SeatSelection, state::AppState, swapping};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    identity::User,
    problem::ApiResult,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which seats are wanted instead.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeHold {
    /// Seats of the same event, none twice. Seats that are held already may be among them.
    #[schema(min_items = 1, max_items = 4)]
    seat_ids: Vec<Uuid>,
}

/// Swaps the seats of a hold, all or none: if the new ones cannot be had, the old ones stay held. The hold ends when it
/// would have ended before. A payment that was begun for the old seats, and not confirmed, ends uncharged. The same seats
/// again change nothing.
#[utoipa::path(
    put,
    path = "/reservations/hold/{id}",
    tag = "reservations",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The reservation")),
    request_body = ChangeHold,
    responses(
        (status = 200, description = "These are the seats held now", body = HoldReply),
        BadBody,
        Unauthenticated,
        Missing,
        ChangeProblems,
        Failures,
    ),
)]
pub(crate) async fn change_hold(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
    Json(body): Json<ChangeHold>,
) -> ApiResult<Json<HoldReply>> {
    let max_per_booking = state.limits.max_tickets_per_booking;
    let selection = SeatSelection::new(body.seat_ids, max_per_booking)
        .map_err(|error| hold_problems::bad_selection(error, max_per_booking))?;
    let swap = swapping::swap_seats(&state, user.id, id, &selection).await?;
    let reply = HoldReply::of(&swap.reservation);
    // Neither is needed for the swap to hold, so neither may make it fail.
    let (reply, ()) = tokio::join!(with_payment_token(&state, user.id, reply), swap.tell_payment(&state));
    Ok(Json(reply))
}
