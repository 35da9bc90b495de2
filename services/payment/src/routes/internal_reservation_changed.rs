use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::ApiResult,
};
use http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::state::AppState;

/// Since when a reservation has other seats.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReservationChanged {
    reservation_version: i64,
}

/// Ends the payment that was begun for a reservation's old seats. Idempotent; nothing if there is none.
pub(crate) async fn reservation_changed(
    State(state): State<AppState>,
    Path(reservation_id): Path<Uuid>,
    Json(change): Json<ReservationChanged>,
) -> ApiResult<StatusCode> {
    state
        .settlement
        .reservation_changed(reservation_id, change.reservation_version)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
