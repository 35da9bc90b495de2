use super::create_hall::{HallReply, NewHall};
use crate::{
    db::{
        audit::{self, Action, Target},
        halls, venues,
    },
    routes::problems::{AdministratorsOnly, ChangeRefusals, Failures, Missing, Needed},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    identity::Admin,
    problem::{ApiResult, Code, Problem},
};
use uuid::Uuid;

/// Changes a hall's name and, as long as no concert takes place in it, its layout: concerts have their seats from it.
#[utoipa::path(
    put,
    path = "/venues/{venueId}/halls/{hallId}",
    tag = "venues",
    security(("bearer" = [])),
    params(("venueId" = Uuid, Path, description = "The venue"), ("hallId" = Uuid, Path, description = "Its hall")),
    request_body = NewHall,
    responses(
        (status = 200, description = "The hall as it is now", body = HallReply),
        ChangeRefusals, AdministratorsOnly, Missing, Needed, Failures,
    ),
)]
pub(crate) async fn update_hall(
    State(state): State<AppState>,
    admin: Admin,
    Path((venue_id, id)): Path<(Uuid, Uuid)>,
    Json(request): Json<NewHall>,
) -> ApiResult<Json<HallReply>> {
    let name = request.check()?;
    let mut transaction = state.pool.begin().await?;
    let before = halls::find_for_update(&mut transaction, venue_id, id).await?;
    let before = before.ok_or_else(no_such_hall)?;
    if before.seat_template.0 != request.seat_template && halls::is_used(&mut transaction, id).await? {
        return Err(Problem::new(Code::InUse).detail("Concerts take place in it, so only its name can change."));
    }
    let hall = halls::update(&mut transaction, id, &name, &request.seat_template).await?;
    let hall = hall.ok_or_else(no_such_hall)?;
    audit::record(&mut transaction, admin.id, Action::Changed, Target::Hall(id), &request).await?;
    let concerts = venues::concerts(&mut *transaction, venue_id).await?;
    transaction.commit().await?;
    state.reads.changed(&concerts).await;
    Ok(Json(hall.into()))
}

/// 404 about a hall.
pub(super) fn no_such_hall() -> Problem {
    Problem::new(Code::NotFound).detail("There is no such hall in this venue.")
}
