//! Server-sent events instead of polling. A stream is a slow poller that also looks at the shared snapshots of its line: the
//! snapshots show each step forward within a tick, the polls keep the place, claim the admission and know the whole truth.

use super::{
    problems::{BadParameters, Failures, Unauthenticated},
    queue_status::{QueueStatus, TICKET_HEADER, not_queued, reply_with, ticket_for},
    status::{self, StatusQuery},
};
use crate::{
    domain::Ticket,
    state::AppState,
    streams::{Latest, OpenStream},
    waiting_line::{AbsenceReason, Place, Seen, Snapshot, Standing},
};
use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use chrono::{DateTime, Utc};
use common::{
    extract::{Query, header_text},
    identity::User,
    problem::{ApiResult, ProblemSchema},
};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// How soon a poll that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// A grant is looked at this long after its end, so that it has ended.
const AFTER_THE_END: Duration = Duration::from_millis(100);
/// What an event source sends when it comes back: the id of the last event it got, which is a ticket.
const LAST_EVENT_ID: &str = "last-event-id";
/// Why a stream was closed though its place goes on: the same user opened too many others. Opening it again would close one
/// of those, so its client polls instead.
const REPLACED: &str = "REPLACED";
/// Tells nginx, should one stand before us, to pass events on as they come.
const BUFFERING: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// The data of a `closed` event, after which the stream ends.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamClosed {
    event_id: Uuid,
    /// EVICTED, EXPIRED, LEFT or CLOSED; null if the place ended and nobody remembers why. REPLACED: the place goes on, but the
    /// user has opened too many streams.
    reason: Option<&'static str>,
    server_time: DateTime<Utc>,
}

/// Where the user stands, told as it changes.
///
/// Events: `position` and `admitted` with a QueueStatus; `closed` with `{eventId, reason, serverTime}` (the reasons of the
/// 404, or null), after which the stream ends; comments in between. Each event's id is its `queueTicket`: send it as
/// `Last-Event-ID` or `X-Queue-Ticket` when opening the stream again, which is to be done whenever it ends without `closed`. A
/// fifth stream of one user closes the oldest with the reason `REPLACED`; there polling tells what goes on.
#[utoipa::path(
    get,
    path = "/queue/stream",
    tag = "queue",
    security(("bearer" = [])),
    params(
        StatusQuery,
        ("X-Queue-Ticket" = Option<String>, Header, description = "The last `queueTicket`, which restores the place after a failure of ours"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as event sources send it by themselves"),
    ),
    responses(
        (status = 200, description = "Events without end", body = QueueStatus, content_type = "text/event-stream"),
        (status = 404, description = "`NOT_QUEUED`; for ten minutes with `reason` EVICTED, EXPIRED, LEFT or CLOSED", body = ProblemSchema, content_type = "application/problem+json"),
        BadParameters,
        Unauthenticated,
        Failures,
    ),
)]
pub(crate) async fn stream(
    State(state): State<AppState>,
    user: User,
    Query(query): Query<StatusQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let ticket = [TICKET_HEADER, LAST_EVENT_ID]
        .iter()
        .find_map(|name| state.ticket_keys.verify(header_text(&headers, name)?))
        .filter(|ticket| ticket.user == user.id);
    let Some(event) = status::event_of(&state, user.id, query.event_id, ticket.as_ref()).await? else {
        return Err(not_queued(None));
    };
    // Before the first look, so that no step in between is missed.
    let latest = state.streams.watch(event);
    let seen = status::poll(&state, user.id, event, query.event_id, ticket).await?;
    let heartbeat = KeepAlive::new().interval(state.streaming.heartbeat);
    let mut watcher = Watcher {
        open: state.streams.open(user.id),
        ends_at: Instant::now() + state.streaming.longest,
        next_poll: Instant::now(),
        waiting: None,
        shown: None,
        first: None,
        ticket: None,
        told_at: Instant::now(),
        ended: false,
        state,
        user: user.id,
        event,
        latest,
    };
    watcher.schedule(&seen);
    let ticket = ticket_for(&watcher.state, user.id, event, &seen).await?;
    watcher.ticket.clone_from(&ticket);
    watcher.first = watcher.tell(seen, ticket).await?;
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    Ok(([BUFFERING], Sse::new(events).keep_alive(heartbeat)).into_response())
}

/// One open stream.
struct Watcher {
    state: AppState,
    user: Uuid,
    event: Uuid,
    latest: Latest,
    open: OpenStream,
    /// The access token is checked when a stream begins, so none lasts for ever.
    ends_at: Instant,
    next_poll: Instant,
    /// Score and place of who still waits.
    waiting: Option<(i64, u64)>,
    /// What the client saw last.
    shown: Option<Shown>,
    first: Option<Event>,
    /// Of the last poll. The client's may be older, because it is only told what has changed.
    ticket: Option<Ticket>,
    /// When the client was given one last.
    told_at: Instant,
    ended: bool,
}

/// What of a status is worth an event when it changes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Place(u64),
    Admitted(DateTime<Utc>),
    /// Something, but long ago.
    Stale,
}

impl Watcher {
    /// The next event; none when the stream is to end.
    async fn next(&mut self) -> Option<Event> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.ended {
            // Looking and polling are boxed: thousands of streams do neither most of the time, and what either needs meanwhile
            // would be a part of each for ever.
            let happened = tokio::select! {
                () = self.state.streams.closing() => return None,
                () = self.open.replaced() => {
                    self.ended = true;
                    let now = self.state.line.now().await.ok()?;
                    return closed(self.event, Some(REPLACED), now);
                }
                () = sleep_until(self.ends_at) => return None,
                // The sender lives as long as somebody watches.
                _ = self.latest.changed(), if self.waiting.is_some() => Box::pin(self.look()).await,
                () = sleep_until(self.next_poll) => Box::pin(self.poll()).await,
            };
            if happened.is_some() {
                return happened;
            }
        }
        None
    }

    /// At the snapshot that has just come.
    async fn look(&mut self) -> Option<Event> {
        let snapshot = self.latest.borrow_and_update().clone()?;
        let Snapshot {
            now, total, measured, ..
        } = *snapshot;
        let (score, before) = self.waiting?;
        let ticket = self.ticket.clone().filter(|ticket| ticket.score == score)?;
        if self
            .state
            .epochs
            .current()
            .await
            .is_ok_and(|mark| mark.epoch != ticket.epoch)
        {
            // The line is another one now, perhaps without this place: nothing is told of it before it is restored.
            let soon = self.state.streaming.poll.mul_f64(rand::random::<f64>() / 4.0);
            self.next_poll = self.next_poll.min(Instant::now() + soon);
            return None;
        }
        let Some(position) = snapshot.position(score) else {
            // Admitted, most likely.
            self.next_poll = Instant::now();
            return None;
        };
        // Nobody is ever overtaken, so a higher place can only be an estimate.
        let position = position.min(before);
        self.waiting = Some((score, position));
        let place = Place {
            score,
            position,
            total,
            measured,
        };
        let value = Standing::Waiting(place);
        // What fails here is told at the next tick. A snapshot proves nobody's place, so the ticket stays that of the last poll.
        self.tell(Seen { now, value }, Some(ticket)).await.unwrap_or(None)
    }

    /// For the user's own place.
    async fn poll(&mut self) -> Option<Event> {
        self.next_poll = Instant::now() + RETRY;
        let ticket = self.ticket.clone();
        let seen = status::poll(&self.state, self.user, self.event, Some(self.event), ticket)
            .await
            .ok()?;
        self.schedule(&seen);
        let ticket = ticket_for(&self.state, self.user, self.event, &seen).await.ok()?;
        self.ticket.clone_from(&ticket);
        if self.told_at.elapsed() > self.state.limits.grace / 3 {
            // Nothing new, but a ticket that gets old: should Redis and this replica be lost together, it would be worthless.
            self.shown = self.shown.map(|_| Shown::Stale);
        }
        self.tell(seen, ticket).await.unwrap_or(None)
    }

    /// When to poll after having seen this.
    fn schedule(&mut self, seen: &Seen<Standing>) {
        let usual = self.state.streaming.poll.mul_f64(0.8 + 0.4 * rand::random::<f64>());
        let wait = match &seen.value {
            // So that the end is told when it comes.
            Standing::Admitted(grant) => {
                usual.min((grant.expires_at - seen.now).to_std().unwrap_or_default() + AFTER_THE_END)
            }
            Standing::Waiting(_) | Standing::Absent(_) => usual,
        };
        self.next_poll = Instant::now() + wait;
    }

    /// The event that tells of it, if it is news. An error: it cannot be told now, or the user is not in line and has not
    /// been told anything yet.
    async fn tell(&mut self, seen: Seen<Standing>, ticket: Option<Ticket>) -> ApiResult<Option<Event>> {
        let (name, shown) = match &seen.value {
            Standing::Waiting(place) => {
                self.waiting = Some((place.score, place.position));
                ("position", Shown::Place(place.position))
            }
            Standing::Admitted(grant) => {
                self.waiting = None;
                ("admitted", Shown::Admitted(grant.expires_at))
            }
            Standing::Absent(reason) if self.shown.is_none() => return Err(not_queued(*reason)),
            Standing::Absent(reason) => {
                self.ended = true;
                return Ok(closed(self.event, reason.map(AbsenceReason::as_str), seen.now));
            }
        };
        if self.shown == Some(shown) {
            return Ok(None);
        }
        let Some(ticket) = ticket else { return Ok(None) };
        let status = reply_with(&self.state, &ticket, seen).await?;
        self.shown = Some(shown);
        self.told_at = Instant::now();
        Ok(event(name, &status, Some(status.queue_ticket())))
    }
}

fn closed(event_id: Uuid, reason: Option<&'static str>, server_time: DateTime<Utc>) -> Option<Event> {
    let data = StreamClosed {
        event_id,
        reason,
        server_time,
    };
    event("closed", &data, None)
}

fn event(name: &str, data: &impl Serialize, id: Option<&str>) -> Option<Event> {
    let event = Event::default().event(name).json_data(data).ok()?;
    Some(match id {
        Some(id) => event.id(id),
        None => event,
    })
}
