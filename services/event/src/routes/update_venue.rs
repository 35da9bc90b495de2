use super::{
    create_venue::{NewVenue, VenueReply},
    get_venue::no_such_venue,
};
use crate::{
    db::{
        audit::{self, Action, Target},
        venues,
    },
    routes::problems::{AdministratorsOnly, ChangeRefusals, Failures, Missing},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    identity::Admin,
    problem::ApiResult,
};
use uuid::Uuid;

/// Corrects a venue's name, address and city. Its concerts show them from then on.
#[utoipa::path(
    put,
    path = "/venues/{id}",
    tag = "venues",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The venue")),
    request_body = NewVenue,
    responses(
        (status = 200, description = "The venue as it is now", body = VenueReply),
        ChangeRefusals, AdministratorsOnly, Missing, Failures,
    ),
)]
pub(crate) async fn update_venue(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<Uuid>,
    Json(request): Json<NewVenue>,
) -> ApiResult<Json<VenueReply>> {
    let (name, address, city) = request.check()?;
    let mut transaction = state.pool.begin().await?;
    let venue = venues::update(&mut transaction, id, &name, &address, &city).await?;
    let venue = venue.ok_or_else(no_such_venue)?;
    audit::record(&mut transaction, admin.id, Action::Changed, Target::Venue(id), &request).await?;
    transaction.commit().await?;
    Ok(Json(venue.into()))
}
