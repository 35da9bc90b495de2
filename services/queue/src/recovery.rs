//! After Redis lost its memory (`design.md` §8.1): who kept polling gets the place back that the ticket proves; who has none
//! goes last. Who holds seats was inside, and is counted so before anybody else is admitted.

use crate::{
    domain::{Ticket, TicketState},
    entry,
    state::AppState,
    upstream::Holder,
    waiting_line::{Claimed, EpochMark, Grant, Loss, Seen, Standing},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::problem::{ApiResult, Problem};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Events beyond this many are forgotten and their holders counted in once more, which changes nothing.
const MANY: usize = 2000;

/// In which epoch the holders of an event's seats were counted in, by this replica.
#[derive(Default)]
pub(crate) struct CountedIn(Mutex<HashMap<Uuid, i64>>);

impl CountedIn {
    fn contains(&self, event: Uuid, epoch: i64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&event) == Some(&epoch)
    }

    fn note(&self, event: Uuid, epoch: i64) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= MANY {
            counted.clear();
        }
        counted.insert(event, epoch);
    }
}

/// Puts the user back if there was a loss and the ticket, which must be the user's own, is from just before it.
pub(crate) async fn restore(state: &AppState, ticket: &Ticket) -> ApiResult<Option<Seen<Standing>>> {
    let (mark, now) = state.epochs.check().await?;
    let Some(loss) = open_loss(state, &mark, ticket.event, now) else {
        return Ok(None);
    };
    let oldest = loss.whole_at - grace(state);
    if ticket.epoch >= mark.epoch || ticket.issued_at_millis < oldest.timestamp_millis() {
        return Ok(None);
    }
    let (user, event, life) = (ticket.user, ticket.event, state.limits.user_claim);
    if state.line.claim(user, event, life).await? != Claimed::Here {
        return Ok(None);
    }
    state.register_live(event).await?;
    let seen = state.line.restore(ticket, state.limits.session).await?;
    if state.line.confirm(user, event, life).await? != Claimed::Here {
        state.line.leave(event, user).await?;
        return Ok(None);
    }
    tracing::info!(event.id = %event, queue.score = ticket.score, "a place was restored from its ticket");
    Ok(Some(seen))
}

/// Gives the user's own token back to who was counted in as a holder of seats before the ticket came. Nothing if the ticket
/// is not of this place, or its token stands already.
pub(crate) async fn own_token(
    state: &AppState,
    grant: &Grant,
    ticket: Option<&Ticket>,
) -> ApiResult<Option<Seen<Standing>>> {
    match ticket.map(|ticket| (ticket, &ticket.state)) {
        Some((ticket, TicketState::Active { grant_id, token, .. }))
            if *grant_id == grant.id && *token != grant.token =>
        {
            Ok(Some(state.line.restore(ticket, state.limits.session).await?))
        }
        _ => Ok(None),
    }
}

/// After a loss, gives the holders of an event's seats their places, once. Until that has succeeded nobody may be admitted:
/// the cap and the unsold seats would be counted without them.
pub(crate) async fn count_in_holders(
    state: &AppState,
    mark: &EpochMark,
    event: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    if open_loss(state, mark, event, now).is_none() || state.counted_in.contains(event, mark.epoch) {
        return Ok(());
    }
    let holders = state.holders.of(event).await?;
    let mut counted = 0_usize;
    for holder in &holders {
        counted += usize::from(count_in(state, event, holder, now).await?);
    }
    state.counted_in.note(event, mark.epoch);
    if counted > 0 {
        tracing::info!(event.id = %event, queue.counted_in = counted, "those who hold seats have their places again");
    }
    Ok(())
}

/// Gives one holder a place, as long as the hold's margin would have kept it.
async fn count_in(state: &AppState, event: Uuid, holder: &Holder, now: DateTime<Utc>) -> Result<bool, Problem> {
    let until = if holder.paying {
        now + TimeDelta::from_std(state.limits.session).unwrap_or_default()
    } else {
        holder.hold_expires_at + TimeDelta::from_std(state.limits.hold_margin).unwrap_or_default()
    };
    // Without a grant's name no message could end the place early; it expires.
    let grant_id = holder.grant_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    let inside = state.line.count_in(event, holder.user_id, &grant_id, until).await?;
    if inside {
        // Another event by now: then that one counts for the user, and this one for the seats.
        let _elsewhere = state.line.claim(holder.user_id, event, state.limits.user_claim).await?;
    }
    Ok(inside)
}

/// Lets a poller without a ticket join at the end, if the place may have been lost. A refusal means that there is none to
/// be had, which the caller says in its own way.
pub(crate) async fn rejoin(state: &AppState, user: Uuid, event: Uuid) -> ApiResult<Option<Seen<Standing>>> {
    let (mark, now) = state.epochs.check().await?;
    if open_loss(state, &mark, event, now).is_none() {
        return Ok(None);
    }
    match entry::enter(state, user, event).await {
        Ok(seen) => Ok(Some(seen)),
        Err(problem) if problem.code().status().is_client_error() => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The loss after which places of this event may still be given back: until nobody who was silent for so long would have
/// kept his place.
fn open_loss(state: &AppState, mark: &EpochMark, event: Uuid, now: DateTime<Utc>) -> Option<Loss> {
    mark.loss
        .filter(|loss| loss.concerns(event) && now < loss.resumes_at + grace(state))
}

fn grace(state: &AppState) -> TimeDelta {
    TimeDelta::from_std(state.limits.grace).unwrap_or(TimeDelta::MAX)
}
