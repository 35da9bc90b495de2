use super::{
    problems::{Failures, Forbidden, Unauthenticated},
    stats::{self, QueueStats},
};
use crate::state::AppState;
use axum::extract::State;
use common::{extract::Json, identity::Admin, problem::ApiResult, vitals::Vitals};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use utoipa::ToSchema;

/// Lines read side by side.
const CONCURRENT: usize = 16;

/// All lines, and how the process that answers is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueLines {
    /// Of each event that has a line, the longest first; null while Redis does not answer.
    #[schema(required = true)]
    lines: Option<Vec<QueueStats>>,
    process: Vitals,
}

/// Tells how all lines are doing. What is told is a second old at most, and costs the same for any number of who ask.
#[utoipa::path(
    get,
    path = "/queue/admin/lines",
    tag = "queue administration",
    security(("bearer" = [])),
    responses((status = 200, description = "The numbers now", body = QueueLines), Forbidden, Unauthenticated, Failures),
)]
pub(crate) async fn lines(State(state): State<AppState>, _admin: Admin) -> Json<QueueLines> {
    let lines = state.lines.get(|| read(&state)).await.ok();
    Json(QueueLines {
        lines,
        process: Vitals::now(),
    })
}

/// Those that cannot be read now, because one master of a cluster is away for instance, are left out.
async fn read(state: &AppState) -> ApiResult<Vec<QueueStats>> {
    let events = state.line.live_events().await?;
    let read = stream::iter(events).map(|event| stats::numbers(state, event));
    let read: Vec<_> = read.buffer_unordered(CONCURRENT).collect().await;
    let mut lines: Vec<QueueStats> = read.into_iter().filter_map(Result::ok).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.waiting));
    Ok(lines)
}
