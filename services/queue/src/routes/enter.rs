use super::{
    problems::{BadBody, Failures, Unauthenticated},
    queue_status::{QueueStatus, reply, ticket_of},
};
use crate::{entry, recovery, state::AppState};
use axum::extract::State;
use common::{
    extract::Json,
    identity::User,
    problem::{ApiResult, ProblemSchema},
    traces,
};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which line to join.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EnterQueue {
    event_id: Uuid,
}

/// Joins an event's line. Entering again returns the same place.
#[utoipa::path(
    post,
    path = "/queue/enter",
    tag = "queue",
    security(("bearer" = [])),
    params(("X-Queue-Ticket" = Option<String>, Header, description = "The last `queueTicket`, which restores the place after a failure of ours")),
    request_body = EnterQueue,
    responses(
        (status = 200, description = "The user's place", body = QueueStatus),
        (status = 404, description = "`EVENT_NOT_FOUND`", body = ProblemSchema, content_type = "application/problem+json"),
        (
            status = 409,
            description = "`ALREADY_QUEUED_ELSEWHERE` with `eventId`; `QUEUE_FULL`; `SALE_NOT_OPEN` with `saleStartAt` and `serverTime`; `SALE_CLOSED`; `SOLD_OUT`",
            body = ProblemSchema,
            content_type = "application/problem+json",
            headers(("Retry-After" = Option<u64>, description = "Seconds, with `QUEUE_FULL` and `SALE_NOT_OPEN`")),
        ),
        BadBody,
        Unauthenticated,
        Failures,
    ),
)]
pub(crate) async fn enter(
    State(state): State<AppState>,
    user: User,
    headers: HeaderMap,
    Json(request): Json<EnterQueue>,
) -> ApiResult<Json<QueueStatus>> {
    let event = request.event_id;
    traces::note("event.id", || event.to_string());
    if let Some(ticket) = ticket_of(&state, &headers, user.id).filter(|ticket| ticket.event == event) {
        // Ignored unless there was a loss; what comes back then is what counts.
        recovery::restore(&state, &ticket).await?;
    }
    let seen = entry::enter(&state, user.id, event).await?;
    reply(&state, user.id, event, seen).await.map(Json)
}
