//! After Redis lost its memory (`design.md` §8.1): who kept polling gets the place back that the ticket proves; who has none
//! goes last, until another tab comes with the ticket. Who holds seats was inside, and is counted so before anybody else is
//! admitted.
//!
//! Who left or bought is not put back by an older ticket: what Redis forgot of that is in the database (`ended_places`). Who bought
//! in the second that Redis forgot is inside again, and is sent out before anybody else is admitted.
//!
//! **Dying.** Restoring makes the claim first, then the place, then confirms the claim, as entering does. Who dies in between
//! leaves a place or none, and the same ticket sent again finds the place or makes it. Counting in is repeated by every
//! replica and after every restart, and gives nobody two places. **Redis lost again** in the middle: what was put back so far
//! may be lost too, and comes back by the same tickets, because an epoch that ended before all were restored passes on the
//! ones before it (`epochs`). A tick that was ordered before that admits nobody after it (`admit.lua`). **Redis away**: 503, and
//! the ticket stays good. **The database away**: no epoch can begin and no ticket be judged, so 503 for who has no place; who has
//! one goes on. **The reservation service away**: nobody is admitted until the holders of seats are counted in. Who dies after he gave
//! somebody without a ticket a place at the end, and before he noted that, leaves a place that the ticket no longer moves.

use crate::{
    db::ended_places::{self, EndedPlaces},
    domain::{Ticket, TicketState},
    entry,
    state::AppState,
    upstream::Holder,
    waiting_line::{AbsenceReason, Claimed, EpochMark, Grant, Loss, Place, Seen, Standing},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    crash,
    problem::{ApiResult, Code, Problem},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

/// Events beyond this many are forgotten and their holders counted in once more, which changes nothing.
const MANY: usize = 2000;

/// How soon those who hold seats are asked for again where they could not be told: to ask at each tick would only open the
/// circuit breaker.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// When the holders of an event's seats were counted in, by this replica.
#[derive(Default)]
pub(crate) struct CountedIn {
    counted: Mutex<HashMap<Uuid, Counting>>,
    /// Where they could not be told, and when.
    failed: Mutex<HashMap<Uuid, Instant>>,
}

/// Which epoch, and whether its pause was over: a hold that was on its way when Redis was lost may come after the first count,
/// but not after the pause.
type Counting = (i64, bool);

impl CountedIn {
    fn contains(&self, event: Uuid, counting: Counting) -> bool {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).get(&event) == Some(&counting)
    }

    fn note(&self, event: Uuid, counting: Counting) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= MANY {
            counted.clear();
        }
        counted.insert(event, counting);
    }

    fn has_failed_lately(&self, event: Uuid) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, at| at.elapsed() < ASK_AGAIN);
        failed.contains_key(&event)
    }

    fn note_failure(&self, event: Uuid) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(event, Instant::now());
    }
}

/// Puts the user back if there was a loss and the ticket, which must be the user's own, is from just before it.
pub(crate) async fn restore(state: &AppState, ticket: &Ticket) -> ApiResult<Option<Seen<Standing>>> {
    let (mark, now) = state.epochs.check().await?;
    let Some(loss) = open_loss(state, &mark, ticket.event, now) else {
        return Ok(None);
    };
    let oldest = loss.whole_at - grace(state);
    // A place seen just before the loss may have been signed just after it.
    let is_from_before = ticket.epoch < mark.epoch || ticket.issued_at_millis < loss.noticed_at.timestamp_millis();
    if !is_from_before || ticket.issued_at_millis < oldest.timestamp_millis() {
        return Ok(None);
    }
    let (user, event, life) = (ticket.user, ticket.event, state.limits.user_claim);
    if let Some(ended) = ended_places::find(&state.pool, event, user).await?
        && ended.includes(ticket)
    {
        return Ok(Some(ended.seen(now)));
    }
    // Nobody is admitted before the pause ends, so until then all who were in have their room.
    let max_active = if loss.pauses(event, now) {
        None
    } else {
        Some(state.settings.of(event).await?.max_active)
    };
    if state.line.claim(user, event, life).await? != Claimed::Here {
        return Ok(None);
    }
    crash::point("queue.restore.claimed");
    state.register_live(event).await?;
    let at_the_end = state.line.rejoined_at(event, user).await?;
    let seen = state
        .line
        .restore(ticket, state.limits.session, max_active, at_the_end)
        .await?;
    crash::point("queue.restore.placed");
    if state.line.confirm(user, event, life).await? != Claimed::Here {
        state.line.leave(event, user).await?;
        return Ok(None);
    }
    tracing::info!(event.id = %event, queue.score = ticket.score, "a place was restored from its ticket");
    Ok(Some(seen))
}

/// Gives who waits what the ticket proves: lets him in again whom Redis still has in line because it lost the second in which
/// he was admitted, and gives him his place back who asked without the ticket first and was put at the end. Nothing if the
/// ticket proves no more than the place.
pub(crate) async fn own_place(
    state: &AppState,
    place: &Place,
    now: DateTime<Utc>,
    ticket: Option<&Ticket>,
) -> ApiResult<Option<Seen<Standing>>> {
    let Some(ticket) = ticket else { return Ok(None) };
    let was_admitted = ticket.score == place.score && matches!(ticket.state, TicketState::Active { .. });
    let was_put_behind = ticket.score < place.score && {
        let mark = state.epochs.current().await?;
        open_loss(state, &mark, ticket.event, now).is_some()
            && state.line.rejoined_at(ticket.event, ticket.user).await? == Some(place.score)
    };
    if was_admitted {
        return restore(state, ticket).await;
    }
    if !was_put_behind {
        return Ok(None);
    }
    // A ticket of a place that has ended takes the other one away from nobody.
    let restored = restore(state, ticket).await?;
    Ok(restored.filter(|seen| !matches!(seen.value, Standing::Absent(_))))
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
            Ok(Some(
                state.line.restore(ticket, state.limits.session, None, None).await?,
            ))
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
    let Some(loss) = open_loss(state, mark, event, now) else {
        return Ok(());
    };
    let counting = (mark.epoch, !loss.pauses(event, now));
    if state.counted_in.contains(event, counting) {
        return Ok(());
    }
    if state.counted_in.has_failed_lately(event) {
        return Err(Problem::new(Code::ServiceUnavailable));
    }
    let holders = state.holders.of(event).await;
    let holders = holders.inspect_err(|_| state.counted_in.note_failure(event))?;
    crash::point("queue.count-in.listed");
    let mut counted = 0_usize;
    for holder in &holders {
        counted += usize::from(count_in(state, event, holder, now).await?);
        crash::point("queue.count-in.counted");
    }
    // Last, because who was counted in may have bought meanwhile.
    end_bought_again(state, event, loss.whole_at - grace(state)).await?;
    state.counted_in.note(event, counting);
    if counted > 0 {
        tracing::info!(event.id = %event, queue.counted_in = counted, "those who hold seats have their places again");
    }
    Ok(())
}

/// Ends the places of those who bought just before the loss: a Redis that comes back without its last second has them still,
/// and the messages that ended them are done with.
async fn end_bought_again(state: &AppState, event: Uuid, since: DateTime<Utc>) -> Result<(), Problem> {
    for (user, grant_id) in ended_places::bought_since(&state.pool, event, since).await? {
        state.line.release(event, user, &grant_id).await?;
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
    let Some(loss) = open_loss(state, &mark, event, now) else {
        return Ok(None);
    };
    if let Some(ended) = ended_places::find(&state.pool, event, user).await?
        && ended.is_recent
    {
        return Ok(Some(ended.seen(now)));
    }
    match entry::enter(state, user, event).await {
        Ok(seen) => {
            if let Standing::Waiting(place) = &seen.value {
                // Another tab may still come with the ticket.
                let life = (loss.resumes_at + grace(state) - now).to_std().unwrap_or_default();
                state.line.note_rejoined(event, user, place.score, life).await?;
            }
            Ok(Some(seen))
        }
        Err(problem) if problem.code().status().is_client_error() => Ok(None),
        Err(problem) => Err(problem),
    }
}

impl EndedPlaces {
    /// Whether the ticket is of a place that is over.
    fn includes(&self, ticket: &Ticket) -> bool {
        let used_up =
            matches!(&ticket.state, TicketState::Active { grant_id, .. } if Some(grant_id) == self.grant_id.as_ref());
        used_up || ticket.score <= self.up_to_score
    }

    /// What Redis would say of it.
    fn seen(&self, now: DateTime<Utc>) -> Seen<Standing> {
        let value = Standing::Absent(self.has_left.then_some(AbsenceReason::Left));
        Seen { now, value }
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
