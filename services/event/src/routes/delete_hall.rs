use super::update_hall::no_such_hall;
use crate::{
    db::{
        Removal,
        audit::{self, Action, Target},
        halls,
    },
    routes::problems::{AdministratorsOnly, BadParameters, Failures, Missing, Needed},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::Path,
    identity::Admin,
    problem::{ApiResult, Code, Problem},
};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

/// Deletes a hall, unless a concert takes, or took, place in it.
#[utoipa::path(
    delete,
    path = "/venues/{venueId}/halls/{hallId}",
    tag = "venues",
    security(("bearer" = [])),
    params(("venueId" = Uuid, Path, description = "The venue"), ("hallId" = Uuid, Path, description = "Its hall")),
    responses(
        (status = 204, description = "It is gone"),
        BadParameters, AdministratorsOnly, Missing, Needed, Failures,
    ),
)]
pub(crate) async fn delete_hall(
    State(state): State<AppState>,
    admin: Admin,
    Path((venue_id, id)): Path<(Uuid, Uuid)>,
) -> ApiResult<StatusCode> {
    let mut transaction = state.pool.begin().await?;
    match halls::delete(&mut transaction, venue_id, id).await? {
        Removal::Missing => return Err(no_such_hall()),
        Removal::InUse => return Err(Problem::new(Code::InUse).detail("Concerts take place in it.")),
        Removal::Removed => {}
    }
    let details = json!({ "venueId": venue_id });
    audit::record(&mut transaction, admin.id, Action::Deleted, Target::Hall(id), &details).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
