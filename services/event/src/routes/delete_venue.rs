use super::get_venue::no_such_venue;
use crate::{
    db::{
        Removal,
        audit::{self, Action, Target},
        venues,
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

/// Deletes a venue and its halls, unless a concert takes, or took, place in one of them.
#[utoipa::path(
    delete,
    path = "/venues/{id}",
    tag = "venues",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The venue")),
    responses(
        (status = 204, description = "It is gone, and its halls with it"),
        BadParameters, AdministratorsOnly, Missing, Needed, Failures,
    ),
)]
pub(crate) async fn delete_venue(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<Uuid>,
) -> ApiResult<StatusCode> {
    let mut transaction = state.pool.begin().await?;
    match venues::delete(&mut transaction, id).await? {
        Removal::Missing => return Err(no_such_venue()),
        Removal::InUse => return Err(Problem::new(Code::InUse).detail("Concerts take place in its halls.")),
        Removal::Removed => {}
    }
    audit::record(
        &mut transaction,
        admin.id,
        Action::Deleted,
        Target::Venue(id),
        &json!({}),
    )
    .await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
