use super::problems::{AdminRefusals, BadBody, Failures, Unauthenticated};
use crate::{
    db::event_settings,
    domain::{Actor, Settings, SettingsChange},
    operators,
    state::AppState,
};
use axum::extract::State;
use common::{
    crash,
    extract::{Json, Path},
    identity::Admin,
    problem::ApiResult,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// How an event's line moves from now on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventQueueSettings {
    event_id: Uuid,
    admission_per_second: u32,
    max_active: u32,
    paused: bool,
}

/// Changes how an event's line moves; it takes effect within a second on every replica. Whoever dies after the commit has
/// changed them, and the same request again changes nothing.
#[utoipa::path(
    put,
    path = "/queue/admin/events/{eventId}",
    tag = "queue administration",
    security(("bearer" = [])),
    params(("eventId" = Uuid, Path)),
    request_body = SettingsChange,
    responses((status = 200, description = "All settings as they are now", body = EventQueueSettings), AdminRefusals, BadBody, Unauthenticated, Failures),
)]
pub(crate) async fn set_event_settings(
    State(state): State<AppState>,
    admin: Admin,
    Path(event): Path<Uuid>,
    Json(change): Json<SettingsChange>,
) -> ApiResult<Json<EventQueueSettings>> {
    change.validate()?;
    state.events.facts(event).await?;
    let row = if change.is_empty() {
        event_settings::find(&state.pool, event).await?
    } else {
        let mut transaction = state.pool.begin().await?;
        let changed = operators::change(&mut transaction, event, &change, Actor::Admin(admin.id)).await?;
        transaction.commit().await?;
        crash::point("queue.settings.committed");
        changed.after
    };
    state.settings.forget(event);
    state.waker.wake(event);
    let settings = Settings::new(&state.limits, row.admission_per_second, row.max_active, row.paused);
    Ok(Json(EventQueueSettings {
        event_id: event,
        admission_per_second: settings.admission_per_second,
        max_active: settings.max_active,
        paused: settings.paused,
    }))
}
