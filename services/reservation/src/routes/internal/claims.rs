use crate::{
    db::{self, Closing},
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::ApiResult,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who has a claim on the event.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClaimsReply {
    /// Whether anybody has one.
    exists: bool,
    /// Whether nobody can get one any more.
    closed: bool,
}

/// Tells the event service whether an event has live reservations, and whether it still may get some.
pub(super) async fn claims(State(state): State<AppState>, Path(event_id): Path<Uuid>) -> ApiResult<Json<ClaimsReply>> {
    let mut connection = state.pool.acquire().await?;
    // In this order: once it is closed, claims only go.
    let closed = db::is_event_closed(&mut connection, event_id).await?;
    let exists = db::has_claims(&mut connection, event_id).await?;
    Ok(Json(ClaimsReply { exists, closed }))
}

/// Closes an event that nobody has a claim on, for good, so that it can be deleted; with a claim it stays as it is. While
/// this looks nobody else acts on the event: who found it open before has committed, and has a claim; who comes later finds
/// it closed. Repeating it does nothing.
pub(super) async fn close_unclaimed(
    State(state): State<AppState>,
    Path(event_id): Path<Uuid>,
) -> ApiResult<Json<ClaimsReply>> {
    let mut transaction = state.pool.begin().await?;
    db::lock_event(&mut transaction, event_id).await?;
    let exists = db::has_claims(&mut transaction, event_id).await?;
    if !exists {
        db::close_event(&mut transaction, event_id, Closing::Deleted).await?;
    }
    let closed = db::is_event_closed(&mut transaction, event_id).await?;
    transaction.commit().await?;
    Ok(Json(ClaimsReply { exists, closed }))
}

/// From which version on an event may be sold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VersionRequest {
    version: i64,
}

/// Tells the event service, which is about to give an event other seats or prices, whether anybody has a claim on it. From
/// then on nobody gets one by an older version of the event than this one, whose sale has not opened: so as long as the
/// event service keeps that version's sale closed, the answer holds. While this looks nobody else acts on the event.
pub(super) async fn raise_version(
    State(state): State<AppState>,
    Path(event_id): Path<Uuid>,
    Json(request): Json<VersionRequest>,
) -> ApiResult<Json<ClaimsReply>> {
    let mut transaction = state.pool.begin().await?;
    db::lock_event(&mut transaction, event_id).await?;
    db::raise_event_version(&mut transaction, event_id, request.version).await?;
    let exists = db::has_claims(&mut transaction, event_id).await?;
    let closed = db::is_event_closed(&mut transaction, event_id).await?;
    transaction.commit().await?;
    Ok(Json(ClaimsReply { exists, closed }))
}
