//! Entering a line: the event takes buyers, the user is free, the place is added (`design.md` §8.1).

use crate::{
    state::AppState,
    waiting_line::{Claimed, EnterLimits, EnterReply, Seen, Standing},
};
use chrono::{DateTime, SecondsFormat, Utc};
use common::problem::{ApiResult, Code, Problem};
use std::time::Duration;
use uuid::Uuid;

/// Racing against oneself in more than two tabs ends with a refusal.
const CLAIM_ATTEMPTS: u32 = 3;
/// A full line moves on by then.
const FULL_RETRY: Duration = Duration::from_secs(30);

/// Joins the event's line at its end, or finds the place had before.
pub(crate) async fn enter(state: &AppState, user: Uuid, event: Uuid) -> ApiResult<Seen<Standing>> {
    let facts = state.events.facts(event).await?;
    if facts.is_cancelled() {
        return Err(Problem::new(Code::SaleClosed));
    }
    // Whoever has a place keeps it when the last seat goes: it may come back.
    if is_sold_out(state, event).await && !state.line.is_present(event, user).await? {
        return Err(Problem::new(Code::SoldOut));
    }
    claim(state, user, event).await?;
    state.register_live(event).await?;
    let limits = EnterLimits {
        capacity: state.limits.capacity,
        opens: facts.sale_start_at,
        closes: facts.sale_end_at,
        session: state.limits.session,
    };
    let refusal = match state.line.enter(event, user, limits).await? {
        EnterReply::Standing(seen) => {
            confirm_claim(state, user, event).await?;
            wake_if_near_the_front(state, event, &seen.value).await;
            return Ok(seen);
        }
        EnterReply::NotOpen(now) => not_open(facts.sale_start_at, now),
        EnterReply::Closed => Problem::new(Code::SaleClosed),
        EnterReply::Full => Problem::new(Code::QueueFull).retry_after(FULL_RETRY),
    };
    state.line.drop_claim(user, event).await?;
    Err(refusal)
}

/// The count is asked for when it is old: somebody may be the first to come.
async fn is_sold_out(state: &AppState, event: Uuid) -> bool {
    state
        .availability
        .unsold(event)
        .await
        .is_some_and(|(unsold, _)| unsold == 0)
}

/// Makes the user's claim name this event, unless he really queues for another one.
async fn claim(state: &AppState, user: Uuid, event: Uuid) -> ApiResult<()> {
    let life = state.limits.user_claim;
    for _ in 0..CLAIM_ATTEMPTS {
        let other = match state.line.claim(user, event, life).await? {
            Claimed::New | Claimed::Before => return Ok(()),
            Claimed::Elsewhere(other) => other,
        };
        if state.line.is_present(other, user).await? {
            return Err(elsewhere(other));
        }
        if !state.line.take_over_claim(user, other, event, life).await? {
            continue;
        }
        // The other entry may have added its place after we looked: then it was first.
        if state.line.is_present(other, user).await? {
            state.line.take_over_claim(user, event, other, life).await?;
            return Err(elsewhere(other));
        }
        return Ok(());
    }
    Err(Problem::new(Code::AlreadyQueuedElsewhere))
}

/// The claim may have been taken over before the place was added; then the place goes again. One that a leave in another tab
/// ended is set anew, because the place is there.
async fn confirm_claim(state: &AppState, user: Uuid, event: Uuid) -> ApiResult<()> {
    if state.line.claimed_event(user).await? == Some(event) {
        return Ok(());
    }
    match state.line.claim(user, event, state.limits.user_claim).await? {
        Claimed::New | Claimed::Before => Ok(()),
        Claimed::Elsewhere(other) => {
            state.line.leave(event, user).await?;
            Err(elsewhere(other))
        }
    }
}

/// Who could be admitted right now does not wait for the next tick.
async fn wake_if_near_the_front(state: &AppState, event: Uuid, standing: &Standing) {
    let Standing::Waiting(place) = standing else { return };
    let settings = state.settings.of_or_paused(event).await;
    if !settings.paused && place.position <= u64::from(settings.admission_per_second) {
        state.waker.wake(event);
    }
}

fn elsewhere(other: Uuid) -> Problem {
    Problem::new(Code::AlreadyQueuedElsewhere).member("eventId", other.to_string())
}

fn not_open(opens: DateTime<Utc>, now: DateTime<Utc>) -> Problem {
    let wait = (opens - now)
        .to_std()
        .unwrap_or(Duration::ZERO)
        .max(Duration::from_secs(1));
    Problem::new(Code::SaleNotOpen)
        .member("saleStartAt", opens.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        .member("serverTime", now.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        .retry_after(wait)
}
