use crate::{
    db::events::{self, EventDetail},
    domain::EventStatus,
    state::AppState,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::{Json, Path},
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use uuid::Uuid;

/// What queue and reservation service need of a concert.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InternalEvent {
    event_id: Uuid,
    title: String,
    artist: String,
    venue_name: String,
    hall_name: String,
    /// At the time of this reply; whoever keeps it decides by the times.
    status: EventStatus,
    sale_start_at: DateTime<Utc>,
    sale_end_at: DateTime<Utc>,
    event_start_at: DateTime<Utc>,
    event_end_at: DateTime<Utc>,
    max_tickets_per_user: i32,
}

/// Tells a concert's sale window, state and cap.
pub(crate) async fn event(State(state): State<AppState>, Path(event_id): Path<Uuid>) -> ApiResult<Json<InternalEvent>> {
    let event = events::find(&state.pool, event_id)
        .await?
        .ok_or_else(|| Problem::new(Code::EventNotFound))?;
    Ok(Json(InternalEvent::new(event, state.clock.now())))
}

impl InternalEvent {
    /// The concert as it is at `now`.
    pub(super) fn new(event: EventDetail, now: DateTime<Utc>) -> Self {
        Self {
            event_id: event.id,
            status: event.times().status_at(now, event.cancelled_at.is_some()),
            title: event.title,
            artist: event.artist,
            venue_name: event.venue_name,
            hall_name: event.hall_name,
            sale_start_at: event.sale_start_at,
            sale_end_at: event.sale_end_at,
            event_start_at: event.event_start_at,
            event_end_at: event.event_end_at,
            max_tickets_per_user: event.max_tickets_per_user,
        }
    }
}
