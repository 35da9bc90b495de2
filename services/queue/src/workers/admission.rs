use crate::{
    recovery,
    state::AppState,
    waiting_line::{EpochMark, Tick, TickOutcome},
};
use chrono::{DateTime, Utc};
use common::{
    lifecycle::Shutdown,
    problem::{Code, Problem},
};
use futures_util::{StreamExt, stream};
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

/// Events looked at side by side.
const CONCURRENT: usize = 16;
/// Wishes of this time are served together: a crowd at an empty line is one tick, not thousands.
const GATHER: Duration = Duration::from_millis(20);

/// Runs admission for every event with a line, each tick and when woken. Every replica does: the script's bucket makes
/// the sum obey rate and cap.
pub(crate) async fn run_admission(state: AppState, every: Duration, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_down = false;
    while !shutdown.is_cancelled() {
        let woken = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => None,
            () = state.waker.woken() => {
                shutdown.sleep(GATHER).await;
                Some(state.waker.take())
            }
        };
        let result = round(&state, woken).await;
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

/// One tick for the events wished for, or for all that have a line.
async fn round(state: &AppState, woken: Option<Vec<Uuid>>) -> Result<(), Problem> {
    let (mark, now) = state.epochs.check().await?;
    let events = match woken {
        Some(events) => events,
        None => state.line.live_events().await?,
    };
    stream::iter(events)
        .for_each_concurrent(CONCURRENT, |event| {
            let mark = &mark;
            async move {
                if let Err(problem) = tick(state, event, mark, now).await {
                    tracing::warn!(event.id = %event, error.message = %problem, "a tick of admission failed");
                }
            }
        })
        .await;
    Ok(())
}

async fn tick(state: &AppState, event: Uuid, mark: &EpochMark, now: DateTime<Utc>) -> Result<(), Problem> {
    let facts = match state.events.facts(event).await {
        Ok(facts) if facts.is_over(now) => return close(state, event).await,
        Ok(facts) => Some(facts),
        Err(problem) if problem.code() == Code::EventNotFound => return close(state, event).await,
        // Places go on expiring while the event service is away, but nobody is admitted to what may be cancelled.
        Err(_) => None,
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
        paused: settings.paused || recovering || counted.is_err() || facts.is_none(),
        unsold: state.availability.unsold(event).await,
        full_bucket: mark.loss.is_none_or(|loss| !loss.concerns(event)),
    };
    let mut outcome = state.line.tick(event, order).await?;
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
        state.line.retire_live(event).await?;
    }
    Ok(())
}

/// Nobody can buy any more.
async fn close(state: &AppState, event: Uuid) -> Result<(), Problem> {
    state.line.close(event).await?;
    state.line.retire_live(event).await?;
    state.availability.retire(event);
    gauge("queue_waiting", event, 0);
    gauge("queue_active", event, 0);
    Ok(())
}

fn report(event: Uuid, outcome: &TickOutcome) {
    gauge("queue_waiting", event, outcome.waiting);
    gauge("queue_active", event, outcome.active);
    for (name, count) in [
        ("queue_admitted_total", outcome.admitted),
        ("queue_evicted_total", outcome.evicted),
        ("queue_expired_total", outcome.expired),
        ("queue_returned_total", outcome.returned),
    ] {
        metrics::counter!(name, "event" => event.to_string()).increment(count);
    }
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

fn gauge(name: &'static str, event: Uuid, value: u64) {
    metrics::gauge!(name, "event" => event.to_string()).set(f64::from(u32::try_from(value).unwrap_or(u32::MAX)));
}
