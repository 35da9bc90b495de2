use super::{
    problems::{BadParameters, Failures, Unauthenticated},
    reservation_view::ReservationView,
};
use crate::{db, domain::Status, state::AppState};
use axum::extract::State;
use common::{
    extract::{Json, Query},
    identity::User,
    page::{Page, PageRequest},
    problem::ApiResult,
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which reservations.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only those with this status.
    #[param(inline)]
    status: Option<Status>,
    /// Which page, from 0.
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    page: Option<u32>,
    /// How many a page, 1–100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    size: Option<u32>,
}

/// Lists the user's reservations, newest first.
#[utoipa::path(
    get,
    path = "/reservations",
    tag = "reservations",
    security(("bearer" = [])),
    params(ListQuery),
    responses(
        (status = 200, description = "A page of them", body = Page<ReservationView>),
        BadParameters,
        Unauthenticated,
        Failures,
    ),
)]
pub(crate) async fn list_reservations(
    State(state): State<AppState>,
    user: User,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<ReservationView>>> {
    let request = PageRequest::new(query.page, query.size)?;
    let mut connection = state.pool.acquire().await?;
    let (reservations, total) = db::page(&mut connection, user.id, query.status, request).await?;
    let content = reservations.into_iter().map(ReservationView::from).collect();
    Ok(Json(Page::new(content, request, total)))
}
