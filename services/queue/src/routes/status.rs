use super::{
    problems::{BadParameters, Failures, Unauthenticated},
    queue_status::{QueueStatus, not_queued, reply, ticket_of},
};
use crate::{
    domain::Ticket,
    recovery,
    state::AppState,
    waiting_line::{Claimed, Seen, Standing},
};
use axum::extract::State;
use common::{
    extract::{Json, Query},
    identity::User,
    problem::{ApiResult, ProblemSchema},
    traces,
};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// Which line.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatusQuery {
    /// The event; by default the one the user queues for.
    pub(super) event_id: Option<Uuid>,
}

/// Where the user stands. Polling keeps the place, and claims the admission when it comes.
#[utoipa::path(
    get,
    path = "/queue/status",
    tag = "queue",
    security(("bearer" = [])),
    params(
        StatusQuery,
        ("X-Queue-Ticket" = Option<String>, Header, description = "The last `queueTicket`, which restores the place after a failure of ours"),
    ),
    responses(
        (status = 200, description = "The user's place", body = QueueStatus),
        (status = 404, description = "`NOT_QUEUED`; for ten minutes with `reason` EVICTED, EXPIRED, LEFT or CLOSED", body = ProblemSchema, content_type = "application/problem+json"),
        BadParameters,
        Unauthenticated,
        Failures,
    ),
)]
pub(crate) async fn status(
    State(state): State<AppState>,
    user: User,
    Query(query): Query<StatusQuery>,
    headers: HeaderMap,
) -> ApiResult<Json<QueueStatus>> {
    let ticket = ticket_of(&state, &headers, user.id);
    let Some(event) = event_of(&state, user.id, query.event_id, ticket.as_ref()).await? else {
        return Err(not_queued(None));
    };
    traces::note("event.id", || event.to_string());
    let seen = poll(&state, user.id, event, query.event_id, ticket).await?;
    reply(&state, user.id, event, seen).await.map(Json)
}

/// Finds the user in the event's line, and keeps the place by that. `asked` is the event that the user named, if so.
pub(super) async fn poll(
    state: &AppState,
    user: Uuid,
    event: Uuid,
    asked: Option<Uuid>,
    ticket: Option<Ticket>,
) -> ApiResult<Seen<Standing>> {
    let ticket = ticket.filter(|ticket| ticket.event == event);
    let (seen, claimed) = tokio::try_join!(
        state.line.poll(event, user, state.limits.session),
        state.line.extend_claim(user, event, state.limits.user_claim),
    )?;
    if !claimed && !matches!(seen.value, Standing::Absent(_)) && !keep_claimed(state, user, event).await? {
        // Read again for the reason.
        return Ok(state.line.poll(event, user, state.limits.session).await?);
    }
    match seen.value {
        // Without a reason: never here, gone for long, or lost with Redis' memory.
        Standing::Absent(None) => Ok(after_a_loss(state, user, asked, ticket).await?.unwrap_or(seen)),
        Standing::Admitted(ref grant) => {
            state.register_live(event).await?;
            let own = recovery::own_token(state, grant, ticket.as_ref()).await?;
            Ok(own.unwrap_or(seen))
        }
        Standing::Waiting(ref place) => {
            state.register_live(event).await?;
            let own = recovery::own_place(state, place, seen.now, ticket.as_ref()).await?;
            Ok(own.unwrap_or(seen))
        }
        Standing::Absent(Some(_)) => Ok(seen),
    }
}

/// Claims the user for a place whose claim has ended, as it may when no poll came through for long, or was taken by a leave
/// that is under way. Of two places the other one was chosen later, so this one goes. Whether this one stays.
async fn keep_claimed(state: &AppState, user: Uuid, event: Uuid) -> ApiResult<bool> {
    let life = state.limits.user_claim;
    match state.line.claim(user, event, life).await? {
        // Another request of this user's is at it.
        Claimed::Contended => Ok(true),
        Claimed::Here => {
            // A leave in between has taken the place: then the claim goes, too.
            state.line.unclaim(user, event, life).await?;
            Ok(state.line.is_present(event, user).await?)
        }
        Claimed::Elsewhere(_) => {
            state.line.leave(event, user).await?;
            state.waker.wake(event);
            Ok(false)
        }
    }
}

/// The event asked about, else the one the user's claim names, else the one left last or named by the ticket.
pub(super) async fn event_of(
    state: &AppState,
    user: Uuid,
    asked: Option<Uuid>,
    ticket: Option<&Ticket>,
) -> ApiResult<Option<Uuid>> {
    if asked.is_some() {
        return Ok(asked);
    }
    let (claimed, left) = tokio::try_join!(state.line.claimed_event(user), state.line.left_event(user))?;
    Ok(claimed.or(left).or(ticket.map(|ticket| ticket.event)))
}

async fn after_a_loss(
    state: &AppState,
    user: Uuid,
    asked: Option<Uuid>,
    ticket: Option<Ticket>,
) -> ApiResult<Option<Seen<Standing>>> {
    if let Some(ticket) = &ticket
        && let Some(seen) = recovery::restore(state, ticket).await?
    {
        return Ok(Some(seen));
    }
    // Only who says which line it was can be put back into it.
    match asked {
        Some(event) => recovery::rejoin(state, user, event).await,
        None => Ok(None),
    }
}

/// What the handler does, for the benches.
pub(crate) async fn status_of(state: &AppState, user: Uuid, event: Uuid) -> ApiResult<()> {
    let seen = poll(state, user, event, Some(event), None).await?;
    let _status = reply(state, user, event, seen).await?;
    Ok(())
}
