use super::{
    problems::{BadParameters, Failures, Missing, Unauthenticated},
    reservation_view::ReservationView,
};
use crate::{
    db::{self, Read},
    domain::{RefundStatus, Status},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::{Json, Path, Query},
    identity::User,
    problem::{ApiResult, Code, Problem},
};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;
use utoipa::IntoParams;
use uuid::Uuid;

/// Longer waits are refused: the gateway would cut them.
const MAX_WAIT_SECONDS: u64 = 30;

/// Whether to wait for a change.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// Seconds to wait at most for the status of a pending reservation, or of a refund under way, to change. Others are
    /// answered at once.
    #[param(minimum = 0, maximum = 30, default = 0)]
    wait: Option<u64>,
}

/// Shows one reservation, or waits until it changes.
#[utoipa::path(
    get,
    path = "/reservations/{id}",
    tag = "reservations",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The reservation"), WaitQuery),
    responses(
        (status = 200, description = "The reservation", body = ReservationView),
        BadParameters,
        Unauthenticated,
        Missing,
        Failures,
    ),
)]
pub(crate) async fn get_reservation(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
    Query(query): Query<WaitQuery>,
) -> ApiResult<Json<ReservationView>> {
    let wait = query.wait.unwrap_or(0);
    if wait > MAX_WAIT_SECONDS {
        return Err(Problem::invalid("wait", "must be from 0 to 30"));
    }
    let wait = Duration::from_secs(wait).min(state.limits.long_poll_max);
    let deadline = Instant::now() + wait;

    // Listening begins before the first look, so that no change falls between the two.
    let mut watch = state.changes.watch(id);
    let mut read = read(&state, id, user.id).await?;
    if let Some(before) = expected_to_change(&read) {
        while Instant::now() < deadline && expected_to_change(&read) == Some(before) {
            let recheck = deadline.min(Instant::now() + state.limits.long_poll_recheck);
            // Either way it is looked at again: another replica's changes are not announced here.
            let _announced = tokio::time::timeout_at(recheck, watch.changed()).await;
            read = self::read(&state, id, user.id).await?;
        }
    }
    Ok(Json(read.into()))
}

/// No connection is kept between two looks: many may wait.
async fn read(state: &AppState, id: Uuid, user_id: Uuid) -> ApiResult<Read> {
    let mut connection = state.pool.acquire().await?;
    let read = db::find_of_user(&mut connection, id, user_id).await?;
    read.ok_or_else(|| Problem::new(Code::NotFound))
}

/// What is waited for to change; nothing if it is settled.
fn expected_to_change(read: &Read) -> Option<(Status, Option<RefundStatus>)> {
    let (status, refund) = (
        read.reservation.status,
        read.reservation.refund.as_ref().map(|refund| refund.status),
    );
    let unsettled = status == Status::Pending || matches!(refund, Some(RefundStatus::Requested));
    unsettled.then_some((status, refund))
}
