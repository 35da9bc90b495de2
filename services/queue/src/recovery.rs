//! After Redis lost its memory (`design.md` §8.1): who kept polling gets the place back that the ticket proves; who has none
//! goes last.

use crate::{
    domain::Ticket,
    entry,
    state::AppState,
    waiting_line::{Claimed, EpochMark, Loss, Seen, Standing},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::problem::ApiResult;
use uuid::Uuid;

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
