//! The reply of entering and polling.

use crate::{
    domain::{Ticket, TicketState},
    state::AppState,
    waiting_line::{AbsenceReason, Seen, Standing},
};
use chrono::{DateTime, Utc};
use common::{
    crash,
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Header in which clients send their ticket back.
pub(super) const TICKET_HEADER: &str = "x-queue-ticket";

/// Where the user stands in an event's line.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueStatus {
    event_id: Uuid,
    status: QueueState,
    /// Place in line from 1; null once admitted.
    #[schema(required = true, minimum = 1)]
    position: Option<u64>,
    /// How many wait.
    total_waiting: u64,
    /// Until one's turn; null while nobody can tell, because the line is paused, put off, sold out or being restored.
    #[schema(required = true)]
    estimated_wait_seconds: Option<u64>,
    /// When to poll again, from 2 to 30; varied, so that a crowd does not come in one second.
    #[schema(minimum = 0, maximum = 30, example = 5)]
    poll_after_seconds: u64,
    entered_at: DateTime<Utc>,
    /// The reservation token, once admitted.
    #[schema(required = true, pattern = "^qr_")]
    queue_token: Option<String>,
    /// When place and token end, once admitted.
    #[schema(required = true)]
    token_expires_at: Option<DateTime<Utc>>,
    /// The place, signed; send it back as `X-Queue-Ticket`.
    queue_ticket: String,
    server_time: DateTime<Utc>,
}

impl QueueStatus {
    /// The signed place.
    pub(super) fn queue_ticket(&self) -> &str {
        &self.queue_ticket
    }
}

/// Waiting or admitted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum QueueState {
    Waiting,
    Admitted,
}

/// The signed place's content; none if there is no place.
pub(super) async fn ticket_for(
    state: &AppState,
    user: Uuid,
    event: Uuid,
    seen: &Seen<Standing>,
) -> ApiResult<Option<Ticket>> {
    let (score, standing) = match &seen.value {
        Standing::Waiting(place) => (place.score, TicketState::Waiting),
        Standing::Admitted(grant) => (
            grant.score,
            TicketState::Active {
                grant_id: grant.id.clone(),
                token: grant.token.clone(),
                expires_at_millis: grant.expires_at.timestamp_millis(),
            },
        ),
        Standing::Absent(_) => return Ok(None),
    };
    Ok(Some(Ticket {
        user,
        event,
        score,
        epoch: state.epochs.current().await?.epoch,
        issued_at_millis: seen.now.timestamp_millis(),
        state: standing,
    }))
}

/// Makes the reply, and publishes the reservation token of who was admitted.
///
/// Who dies, or loses Redis, before the token is published has told nobody of it; the next poll finds the same grant and
/// publishes the same token with the same end.
pub(super) async fn reply(state: &AppState, user: Uuid, event: Uuid, seen: Seen<Standing>) -> ApiResult<QueueStatus> {
    match (ticket_for(state, user, event, &seen).await?, &seen.value) {
        (Some(ticket), _) => reply_with(state, &ticket, seen).await,
        (None, Standing::Absent(reason)) => Err(not_queued(*reason)),
        (None, _) => Err(not_queued(None)),
    }
}

/// Makes the reply with this ticket.
pub(super) async fn reply_with(state: &AppState, ticket: &Ticket, seen: Seen<Standing>) -> ApiResult<QueueStatus> {
    let (user, event, score) = (ticket.user, ticket.event, ticket.score);
    let now = seen.now;
    let chance = rand::random::<f64>();
    let queue_ticket = state
        .ticket_keys
        .sign(ticket)
        .map_err(|error| Problem::internal(&error))?;
    let entered_at = DateTime::from_timestamp_micros(score).unwrap_or(now);
    Ok(match seen.value {
        Standing::Waiting(place) => {
            let pace = state.pace(event, place.measured, now).await;
            QueueStatus {
                event_id: event,
                status: QueueState::Waiting,
                position: Some(place.position),
                total_waiting: place.total,
                estimated_wait_seconds: pace.wait_seconds(place.position),
                poll_after_seconds: state.polling.poll_after(place.position, place.total, pace.rate, chance),
                entered_at,
                queue_token: None,
                token_expires_at: None,
                queue_ticket,
                server_time: now,
            }
        }
        Standing::Admitted(grant) => {
            crash::point("queue.poll.claimed");
            state.line.publish_grant(event, user, &grant, now).await?;
            crash::point("queue.poll.published");
            QueueStatus {
                event_id: event,
                status: QueueState::Admitted,
                position: None,
                total_waiting: grant.total,
                estimated_wait_seconds: Some(0),
                poll_after_seconds: state.polling.poll_after_admission(chance),
                entered_at,
                queue_token: Some(grant.token),
                token_expires_at: Some(grant.expires_at),
                queue_ticket,
                server_time: now,
            }
        }
        Standing::Absent(reason) => return Err(not_queued(reason)),
    })
}

/// 404, with the reason while it is remembered.
pub(super) fn not_queued(reason: Option<AbsenceReason>) -> Problem {
    let problem = Problem::new(Code::NotQueued);
    match reason {
        Some(reason) => problem.member("reason", reason.as_str()),
        None => problem,
    }
}

/// The user's own ticket, if the request carries one that we signed.
pub(super) fn ticket_of(state: &AppState, headers: &http::HeaderMap, user: Uuid) -> Option<Ticket> {
    let text = common::extract::header_text(headers, TICKET_HEADER)?;
    state.ticket_keys.verify(text).filter(|ticket| ticket.user == user)
}
