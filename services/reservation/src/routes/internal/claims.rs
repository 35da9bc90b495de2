use crate::{db, state::AppState};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::ApiResult,
};
use serde::Serialize;
use uuid::Uuid;

/// Whether anybody has a claim on the event.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClaimsReply {
    exists: bool,
}

/// Tells the event service whether an event has live reservations.
pub(super) async fn claims(State(state): State<AppState>, Path(event_id): Path<Uuid>) -> ApiResult<Json<ClaimsReply>> {
    let mut connection = state.pool.acquire().await?;
    let exists = db::has_claims(&mut connection, event_id).await?;
    Ok(Json(ClaimsReply { exists }))
}
