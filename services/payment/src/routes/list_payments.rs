use axum::extract::State;
use common::{
    extract::{Json, Query},
    identity::User,
    page::{Page, PageRequest},
    problem::ApiResult,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    payment_reply::PaymentReply,
    problems::{BadParameters, Failures, Unauthenticated},
};
use crate::{db::views, state::AppState};

/// How to narrow the list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only payments for this reservation.
    reservation_id: Option<Uuid>,
    /// Which page, from 0.
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    page: Option<u32>,
    /// How many a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    size: Option<u32>,
}

/// Lists the user's payments, newest first.
#[utoipa::path(
    get,
    path = "/payments",
    tag = "payments",
    params(ListQuery),
    responses((status = 200, description = "A page of payments", body = Page<PaymentReply>), BadParameters, Unauthenticated, Failures),
    security(("bearer" = [])),
)]
pub(crate) async fn list_payments(
    State(state): State<AppState>,
    user: User,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<PaymentReply>>> {
    let page = PageRequest::new(query.page, query.size)?;
    let mut connection = state.db.acquire().await?;
    let (rows, total) = views::list(&mut connection, user.id, query.reservation_id, page).await?;
    Ok(Json(Page::new(
        rows.into_iter().map(PaymentReply::from).collect(),
        page,
        total,
    )))
}
