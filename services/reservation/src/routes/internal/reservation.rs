use crate::{
    db::{self, Read},
    domain::{ReservedSeat, Status},
    state::AppState,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::{Json, Path, Query},
    problem::{ApiResult, Code, Problem},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// On whose behalf.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserQuery {
    user_id: Uuid,
}

/// What a payment needs to know.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PayableReservation {
    reservation_id: Uuid,
    user_id: Uuid,
    event_id: Uuid,
    event_title: String,
    status: Status,
    /// Won.
    total_amount: i64,
    seats: Vec<ReservedSeat>,
    hold_expires_at: DateTime<Utc>,
    version: i64,
    grant_id: Option<String>,
    server_time: DateTime<Utc>,
}

/// Tells the payment service amount and state of a user's reservation; another user's is not there.
pub(super) async fn reservation(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Query(query): Query<UserQuery>,
) -> ApiResult<Json<PayableReservation>> {
    let mut connection = state.pool.acquire().await?;
    let read = db::find_of_user(&mut connection, id, query.user_id).await?;
    let Read { reservation, now } = read.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(PayableReservation {
        reservation_id: reservation.id,
        user_id: reservation.user_id,
        event_id: reservation.event_id,
        event_title: reservation.event_title,
        status: reservation.status,
        total_amount: reservation.total_amount,
        seats: reservation.seats,
        hold_expires_at: reservation.hold_expires_at,
        version: reservation.version,
        grant_id: reservation.grant_id,
        server_time: now,
    }))
}
