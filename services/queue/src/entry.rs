//! Entering a line: the event takes buyers, the user is free, the place is added (`design.md` §8.1).
//!
//! **Dying.** After the claim: it names an event where the user has no place, which binds nobody. After the note that the
//! event has a line: a tick finds nobody and, a minute later, takes it off. After the place, before the claim is confirmed or
//! the reply is there: the buyer asks again and has that place, because being there is asked first; if the claim was taken to
//! another event meanwhile, the first poll here finds that out. **Redis lost** after any step: the same, the buyer asks again;
//! a place whose reply was never sent has no ticket, so it is had anew at the end. **Redis away**: 503. **PostgreSQL away**: the
//! line goes on, as it was last set.

use crate::{
    state::AppState,
    waiting_line::{Claimed, EnterLimits, EnterReply, Seen, Standing},
};
use chrono::{DateTime, SecondsFormat, Utc};
use common::{
    crash,
    problem::{ApiResult, Code, Problem},
};
use std::time::Duration;
use uuid::Uuid;

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
        let now = state.line.now().await?;
        return Err(if now < facts.sale_start_at {
            not_open(facts.sale_start_at, now)
        } else if facts.is_over(now) {
            Problem::new(Code::SaleClosed)
        } else {
            Problem::new(Code::SoldOut)
        });
    }
    let life = state.limits.user_claim;
    refuse_unless_here(state.line.claim(user, event, life).await?)?;
    crash::point("queue.enter.claimed");
    state.register_live(event).await?;
    crash::point("queue.enter.registered");
    let limits = EnterLimits {
        capacity: state.limits.capacity,
        opens: facts.sale_start_at,
        closes: facts.sale_end_at,
        session: state.limits.session,
    };
    let refusal = match state.line.enter(event, user, limits).await? {
        EnterReply::Standing(seen) => {
            crash::point("queue.enter.placed");
            let confirmed = state.line.confirm(user, event, life).await?;
            crash::point("queue.enter.confirmed");
            if confirmed != Claimed::Here {
                state.line.leave(event, user).await?;
            }
            refuse_unless_here(confirmed)?;
            wake_if_near_the_front(state, event, &seen.value).await;
            return Ok(seen);
        }
        EnterReply::NotOpen(now) => not_open(facts.sale_start_at, now),
        EnterReply::Closed => Problem::new(Code::SaleClosed),
        EnterReply::Full => Problem::new(Code::QueueFull).retry_after(FULL_RETRY),
    };
    state.line.unclaim(user, event, life).await?;
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

/// 409 unless the claim names the event that was asked for.
fn refuse_unless_here(claimed: Claimed) -> ApiResult<()> {
    let problem = Problem::new(Code::AlreadyQueuedElsewhere);
    match claimed {
        Claimed::Here => Ok(()),
        Claimed::Elsewhere(other) => Err(problem.member("eventId", other.to_string())),
        Claimed::Contended => Err(problem),
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
