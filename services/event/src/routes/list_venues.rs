use super::create_venue::VenueReply;
use crate::{
    db::venues,
    routes::problems::{BadParameters, Failures},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::{Json, Query},
    page::{Page, PageQuery, PageRequest},
    problem::ApiResult,
};

/// Lists all venues by name.
#[utoipa::path(
    get,
    path = "/venues",
    tag = "venues",
    params(PageQuery),
    responses((status = 200, description = "A page of venues", body = Page<VenueReply>), BadParameters, Failures),
)]
pub(crate) async fn list_venues(
    State(state): State<AppState>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<VenueReply>>> {
    let request = PageRequest::try_from(query)?;
    let (rows, total) = venues::page(&state.pool, request).await?;
    Ok(Json(Page::new(
        rows.into_iter().map(VenueReply::from).collect(),
        request,
        total,
    )))
}
