use crate::{db, state::AppState};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::ApiResult,
};
use serde::Serialize;
use uuid::Uuid;

/// How many seats an event has and how many are left to admit buyers for.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AvailabilityReply {
    event_id: Uuid,
    total: i64,
    sold: i64,
    /// Seats that are not sold; some may be held.
    unsold: i64,
}

/// Counts an event's seats, for the queue's admission.
pub(super) async fn availability(
    State(state): State<AppState>,
    Path(event_id): Path<Uuid>,
) -> ApiResult<Json<AvailabilityReply>> {
    let counted = {
        let mut connection = state.pool.acquire().await?;
        db::availability(&mut connection, event_id).await?
    };
    let event = state.catalogue.at_least(event_id, counted.event_version).await?;
    let total = i64::try_from(event.seats.len()).unwrap_or(i64::MAX);
    let unsold = (total - counted.sold).max(0);
    Ok(Json(AvailabilityReply {
        event_id,
        total,
        sold: counted.sold,
        unsold,
    }))
}
