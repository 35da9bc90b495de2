use super::problems::{AdminRefusals, BadParameters, Failures, Unauthenticated};
use crate::state::AppState;
use axum::extract::State;
use common::{
    extract::{Json, Query},
    identity::Admin,
    problem::ApiResult,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which line.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsQuery {
    event_id: Uuid,
}

/// The numbers of an event's line.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueStats {
    event_id: Uuid,
    /// In line now.
    pub(super) waiting: u64,
    /// Admitted now.
    active: u64,
    /// Admitted so far.
    admitted: u64,
    /// Places that ended by time.
    expired: u64,
    /// Users who left.
    left: u64,
    /// Users passed over because they were silent.
    evicted: u64,
    /// As set.
    admission_per_second: u32,
    /// Over the last minute in which somebody waited.
    measured_per_second: f64,
    max_active: u32,
    paused: bool,
    /// How long the first in line has waited.
    oldest_wait_seconds: u64,
    /// When the last in line will be admitted; null while nobody can tell.
    #[schema(required = true)]
    last_place_eta_seconds: Option<u64>,
}

/// Tells how an event's line is doing.
#[utoipa::path(
    get,
    path = "/queue/admin/stats",
    tag = "queue administration",
    security(("bearer" = [])),
    params(StatsQuery),
    responses((status = 200, description = "The numbers now", body = QueueStats), AdminRefusals, BadParameters, Unauthenticated, Failures),
)]
pub(crate) async fn stats(
    State(state): State<AppState>,
    _admin: Admin,
    Query(query): Query<StatsQuery>,
) -> ApiResult<Json<QueueStats>> {
    state.events.facts(query.event_id).await?;
    numbers(&state, query.event_id).await.map(Json)
}

/// The numbers of an event that exists.
pub(super) async fn numbers(state: &AppState, event: Uuid) -> ApiResult<QueueStats> {
    let settings = state.settings.of(event).await?;
    let line = state.line.stats(event).await?;
    // Nobody may have asked for the seats of a line that is empty.
    state.availability.unsold(event).await;
    let pace = state.pace(event, line.measured, line.now).await;
    let waited = line
        .oldest
        .and_then(|entered| (line.now - entered).to_std().ok())
        .unwrap_or_default();
    Ok(QueueStats {
        event_id: event,
        waiting: line.waiting,
        active: line.active,
        admitted: line.admitted,
        expired: line.expired,
        left: line.left,
        evicted: line.evicted,
        admission_per_second: settings.admission_per_second,
        measured_per_second: line.measured.unwrap_or_default(),
        max_active: settings.max_active,
        paused: settings.paused,
        oldest_wait_seconds: waited.as_secs(),
        last_place_eta_seconds: pace.wait_seconds(line.waiting),
    })
}
