//! Admission, step by step: which epoch it is, what may be bought, who holds seats, then one script that pops, grants and
//! evicts. It is all or nothing, so there is nobody between the pop and the grant.
//!
//! **Dying.** Before the script nothing has happened; after it the grants are there, and their owners' polls, at any replica,
//! claim them and publish their tokens. Nobody else need know of them. **Redis lost** between the steps: the script runs only
//! in the memory that the epoch was asked about, else this event is looked at again from the first step. **Redis away**: nobody
//! is admitted and nobody evicted, and the grace of the silent begins anew. **PostgreSQL away**: settings hold as they were
//! last known; where they never were, nobody is admitted.

use crate::{
    recovery,
    state::AppState,
    waiting_line::{EpochMark, Tick, TickOutcome, other_life},
};
use chrono::{DateTime, Utc};
use common::{
    crash, gauges,
    lifecycle::Shutdown,
    problem::{Code, Problem},
};
use futures_util::{StreamExt, stream};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

/// Events looked at side by side.
const CONCURRENT: usize = 16;
/// Wishes of this time are served together: a crowd at an empty line is one tick, not thousands.
const GATHER: Duration = Duration::from_millis(20);
/// Beyond this many events all are asked about anew, which takes a tick.
const MANY: usize = 2000;

/// Runs admission for every event with a line, each tick and when woken. Every replica does: the script's bucket makes
/// the sum obey rate and cap.
pub(crate) async fn run_admission(state: AppState, every: Duration, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_down = false;
    let mut reported = HashSet::new();
    let lives = Lives::default();
    while !shutdown.is_cancelled() {
        let woken = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => None,
            () = state.waker.woken() => {
                shutdown.sleep(GATHER).await;
                Some(state.waker.take())
            }
        };
        let result = round(&state, &lives, woken, &mut reported).await;
        if let Err(error) = &result
            && !was_down
        {
            tracing::warn!(error.message = %error, "admission stands still");
        } else if was_down && result.is_ok() {
            tracing::info!("admission goes on");
        }
        was_down = result.is_err();
    }
}

/// One tick for the events wished for, or for all that have a line. `reported` are those whose numbers this replica shows.
async fn round(
    state: &AppState,
    lives: &Lives,
    woken: Option<Vec<Uuid>>,
    reported: &mut HashSet<Uuid>,
) -> Result<(), Problem> {
    let (mark, now) = state.epochs.check().await?;
    let events = match woken {
        Some(events) => events,
        None => {
            let live = state.line.live_events().await?;
            // Another replica saw the end of these lines: what this one saw last must not stand for ever.
            for ended in reported.extract_if(|event| !live.contains(event)) {
                show_no_more(ended);
            }
            live
        }
    };
    reported.extend(&events);
    stream::iter(events)
        .for_each_concurrent(CONCURRENT, |event| {
            let mark = &mark;
            async move {
                match tick(state, lives, event, mark, now).await {
                    // One master of a cluster is away, with many lines perhaps; its own outage is logged once.
                    Err(problem) if problem.code() == Code::ServiceUnavailable => {
                        tracing::debug!(event.id = %event, error.message = %problem, "a tick of admission failed");
                    }
                    Err(problem) => {
                        tracing::warn!(event.id = %event, error.message = %problem, "a tick of admission failed");
                    }
                    Ok(()) => {}
                }
            }
        })
        .await;
    Ok(())
}

async fn tick(
    state: &AppState,
    lives: &Lives,
    event: Uuid,
    mark: &EpochMark,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let on_sale = match state.events.facts(event).await {
        Ok(facts) if facts.is_over(now) => return close(state, event).await,
        // Put off: who was admitted now could not hold anything before the place ended. Who waits goes on waiting.
        Ok(facts) => facts.is_on_sale(now),
        Err(problem) if problem.code() == Code::EventNotFound => return close(state, event).await,
        // Places go on expiring while the event service is away, but nobody is admitted to what may be cancelled.
        Err(_) => false,
    };
    let settings = state.settings.of_or_paused(event).await;
    let counted = recovery::count_in_holders(state, mark, event, now).await;
    if let Err(problem) = &counted {
        tracing::warn!(event.id = %event, error.message = %problem, "cannot tell who holds seats; nobody is admitted");
    }
    let recovering = mark.loss.is_some_and(|loss| loss.pauses(event, now));
    let order = Tick {
        settings,
        limits: &state.limits,
        paused: settings.paused || recovering || counted.is_err() || !on_sale,
        unsold: state.availability.unsold(event).await,
        full_bucket: mark.loss.is_none_or(|loss| !loss.concerns(event)),
        life: Some(&lives.of(event)),
    };
    crash::point("queue.admission.judged");
    let mut outcome = match state.line.tick(event, order).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let Some(life) = other_life(&error) else {
                return Err(error.into());
            };
            lives.note(event, life);
            // What was asked before may be of another life: all of it again.
            state.waker.wake(event);
            return Ok(());
        }
    };
    if outcome.admitted > 0 {
        crash::point("queue.admission.granted");
    }
    report(event, &outcome);
    state.availability.note_sales(event, outcome.sales);
    if outcome.stale {
        // Seats were just sold, so a place was just freed: fill it by a new count, not at the next tick.
        let unsold = state.availability.unsold(event).await;
        outcome = state.line.tick(event, Tick { unsold, ..order }).await?;
        report(event, &outcome);
        state.availability.note_sales(event, outcome.sales);
    }
    if outcome.waiting == 0 && outcome.active == 0 {
        crash::point("queue.admission.line-empty");
        state.line.retire_live(event).await?;
    }
    Ok(())
}

/// In which life of Redis' memory this replica saw each event's line last.
#[derive(Default)]
struct Lives(Mutex<HashMap<Uuid, String>>);

impl Lives {
    fn of(&self, event: Uuid) -> String {
        let lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lives.get(&event).cloned().unwrap_or_else(|| "unknown".to_owned())
    }

    fn note(&self, event: Uuid, life: &str) {
        let mut lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lives.len() >= MANY {
            lives.clear();
        }
        lives.insert(event, life.to_owned());
    }
}

/// Nobody can buy any more. Who dies half-way leaves tokens that no grant names and an event with an empty line; the next tick
/// closes it again, which finds nobody, and takes it off.
async fn close(state: &AppState, event: Uuid) -> Result<(), Problem> {
    state.line.close(event).await?;
    crash::point("queue.close.closed");
    state.line.retire_live(event).await?;
    state.availability.retire(event);
    show_no_more(event);
    Ok(())
}

fn report(event: Uuid, outcome: &TickOutcome) {
    show(event, outcome.waiting, outcome.active);
    metrics::counter!("queue_admitted_total", "event" => event.to_string()).increment(outcome.admitted);
    metrics::counter!("queue_evicted_total", "event" => event.to_string()).increment(outcome.evicted);
    metrics::counter!("queue_expired_total", "event" => event.to_string()).increment(outcome.expired);
    metrics::counter!("queue_returned_total", "event" => event.to_string()).increment(outcome.returned);
    if outcome.admitted > 0 {
        tracing::debug!(
            event.id = %event,
            queue.admitted = outcome.admitted,
            queue.waiting = outcome.waiting,
            queue.active = outcome.active,
            "admitted"
        );
    }
}

/// Every replica shows the same numbers, so they are not to be summed up.
fn show(event: Uuid, waiting: u64, active: u64) {
    let event = event.to_string();
    gauges::set_count("queue_waiting", &[("event", &event)], waiting);
    gauges::set_count("queue_active", &[("event", &event)], active);
}

/// There is no such line any more.
fn show_no_more(event: Uuid) {
    let event = event.to_string();
    gauges::end("queue_waiting", &[("event", &event)]);
    gauges::end("queue_active", &[("event", &event)]);
}
