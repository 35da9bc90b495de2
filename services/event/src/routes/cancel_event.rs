use super::get_event::{EventReply, no_such_event};
use crate::{
    db::{
        audit::{self, Action, Target},
        event_end,
    },
    domain::Violations,
    routes::problems::{AdministratorsOnly, Failures, Missing},
    state::AppState,
};
use axum::extract::State;
use common::{
    crash,
    extract::{Json, Path},
    identity::Admin,
    problem::ApiResult,
    replies::BadBody,
};
use http::StatusCode;
use messages::EventCancelled;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a concert will not take place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CancelEventBody {
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "The artist is ill")]
    reason: String,
}

/// Cancels a concert for good: nothing of it is sold any more, every reservation is cancelled, and whoever paid gets the
/// whole amount back. Those follow from a message, so this answers before they are done. A concert that is cancelled already
/// stays as it is, with the first reason.
///
/// | who dies where | then |
/// |---|---|
/// | we, before the commit | nothing has happened |
/// | we, after it | it is cancelled; the message leaves when a relay runs; cancelling again gives the same answer |
/// | the reservation service, at any time | it goes on where it was |
#[utoipa::path(
    post,
    path = "/events/{id}/cancel",
    tag = "events",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The concert")),
    request_body = CancelEventBody,
    responses(
        (status = 202, description = "It is cancelled; its reservations are being cancelled and refunded", body = EventReply, headers(("ETag" = String))),
        BadBody, AdministratorsOnly, Missing, Failures,
    ),
)]
pub(crate) async fn cancel_event(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<Uuid>,
    Json(request): Json<CancelEventBody>,
) -> ApiResult<(StatusCode, EventReply)> {
    let mut violations = Violations::default();
    let reason = violations.line("reason", &request.reason, 500);
    violations.finish()?;

    let mut transaction = state.pool.begin().await?;
    let cancelled = cancel(&mut transaction, id, reason).await?;
    if cancelled {
        audit::record(
            &mut transaction,
            admin.id,
            Action::Cancelled,
            Target::Event(id),
            &request,
        )
        .await?;
    }
    let reply = EventReply::read(&mut transaction, id, state.clock.now()).await?;
    let reply = reply.ok_or_else(no_such_event)?;
    state.outbox.commit(transaction).await?;
    crash::point("event.cancel.committed");
    state.reads.changed(&[id]).await;
    if cancelled {
        tracing::info!(event.id = %id, "an event is cancelled");
    }
    Ok((StatusCode::ACCEPTED, reply))
}

/// Cancels it and tells the others; whether it was not cancelled before.
async fn cancel(connection: &mut PgConnection, id: Uuid, reason: String) -> Result<bool, sqlx::Error> {
    let Some(cancelled) = event_end::cancel(connection, id, &reason).await? else {
        return Ok(false);
    };
    let message = EventCancelled {
        concert_id: id,
        version: cancelled.version,
        reason,
        cancelled_at: cancelled.cancelled_at,
    };
    outbox::enqueue(connection, &message).await?;
    Ok(true)
}
