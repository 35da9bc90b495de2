use super::{
    create_venue::{NewVenue, VenueReply, etag_of},
    get_venue::no_such_venue,
    if_match::IfMatchIfGiven,
};
use crate::{
    db::{
        audit::{self, Action, Target},
        venues,
    },
    routes::problems::{AdministratorsOnly, ChangeRefusals, Failures, Missing, Overtaken},
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
    params(
        ("id" = Uuid, Path, description = "The venue"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the venue as it was when the change was decided"),
    ),
    request_body = NewVenue,
    responses(
        (status = 200, description = "The venue as it is now", body = VenueReply, headers(("ETag" = String))),
        ChangeRefusals, AdministratorsOnly, Missing, Overtaken, Failures,
    ),
)]
pub(crate) async fn update_venue(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<Uuid>,
    condition: IfMatchIfGiven,
    Json(request): Json<NewVenue>,
) -> ApiResult<VenueReply> {
    let (name, address, city) = request.check()?;
    let mut transaction = state.pool.begin().await?;
    let updated_at = venues::lock(&mut transaction, id).await?;
    condition.require(&etag_of(updated_at.ok_or_else(no_such_venue)?))?;
    let venue = venues::update(&mut transaction, id, &name, &address, &city).await?;
    let venue = venue.ok_or_else(no_such_venue)?;
    audit::record(&mut transaction, admin.id, Action::Changed, Target::Venue(id), &request).await?;
    let concerts = venues::concerts(&mut *transaction, id).await?;
    transaction.commit().await?;
    state.reads.changed(&concerts).await;
    Ok(venue.into())
}
