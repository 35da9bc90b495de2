//! Other seats instead of held ones, across Redis and the database (`design.md` §8.2): the new ones are taken in Redis, one
//! transaction decides about all of them, and then Redis gives the old ones up. If the new ones cannot be had, the old ones
//! stay held in both.
//!
//! | who dies where | then |
//! |---|---|
//! | Redis is down or its reply lost | 503, nothing changed; what it took is released by the worker, or expires with the hold |
//! | we die after Redis, before the commit | the old seats stay; the new ones are free when the hold ends, and not in this buyer's way before |
//! | the buyer hangs up, at any point | the transaction rolls back or has committed; [`Undecided`] hands the rest to a worker |
//! | the transaction is refused | Redis keeps what the reservation has by the database, and gives the rest back |
//! | the reply to COMMIT is lost | the reservation is looked up behind the buyer's lock, which the lost transaction holds to its end: it has the new seats or the old ones |
//! | even that cannot be told | 503, and a worker goes on looking it up until the hold has run out |
//! | we die after the commit | the reservation has the new seats; the same request again says so. Redis keeps the old ones from others until the hold would have ended. The payment service is not told: see the next line |
//! | the payment service is not told, or down | the payment for the old seats stays open; when it is confirmed, its lock finds another amount or other seats, and nothing is charged |
//! | the queue service is down afterwards | `paymentToken` is null; it can be asked for again |
//!
//! Two swaps of one reservation at once: the buyer's lock puts them in a row, and the last one holds. A payment's lock, a
//! release or the sweep at the same time take the same rows: whoever is first is found by the other.

use crate::{
    catalogue::EventOnSale,
    db,
    domain::{Reservation, SeatSelection, Tickets, decide_swap},
    holding::{ATTEMPTS, priced},
    keeping,
    metrics::{HoldResult, count_swap},
    routes::hold_problems,
    seat_holds::Held,
    state::AppState,
    transitions::{SwapOutcome, SwapWish, Swapped, swap},
    undecided::{self, Committed, Undecided},
};
use common::{
    crash,
    problem::{ApiResult, Code, Problem},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// A reservation as it is after a swap.
pub(crate) struct Swap {
    pub(crate) reservation: Reservation,
    /// Whether it had other seats before.
    changed: bool,
}

impl Swap {
    /// Lets the payment service end the payment that was begun for the old seats. What fails here is logged and no more.
    ///
    /// A repeated request tells nothing: a payment made after the swap may have raised the reservation's version since.
    pub(crate) async fn tell_payment(&self, state: &AppState) {
        if !self.changed {
            return;
        }
        let (id, version) = (self.reservation.id, self.reservation.version);
        if let Err(error) = state.payment.reservation_changed(id, version).await {
            tracing::warn!(
                reservation.id = %id,
                error.message = %error,
                "the payment service was not told of a swap; a payment for the old seats is refused when it is confirmed"
            );
        }
    }
}

/// What the database said.
enum Decision {
    /// The reservation has the new seats.
    Swapped(Box<Swapped>),
    /// It had them before; so long they last.
    Unchanged(Box<Reservation>, Duration),
    /// Nobody knows; nothing may be released.
    Unknown,
}

/// Gives the user's reservation these seats instead of its own, or tells why not. Returns it as it is then.
pub(crate) async fn swap_seats(
    state: &AppState,
    user_id: Uuid,
    id: Uuid,
    selection: &SeatSelection,
) -> ApiResult<Swap> {
    let read = {
        let mut connection = state.pool.acquire().await?;
        db::find_of_user(&mut connection, id, user_id).await?
    };
    let read = read.ok_or_else(|| Problem::new(Code::NotFound))?;
    // Most of what is refused is refused here, before anything is taken; the transaction judges again.
    decide_swap(&read.reservation, selection.ids(), read.now).map_err(hold_problems::not_swappable)?;
    let event = state.catalogue.get(read.reservation.event_id).await?;
    priced(&event, selection)?;

    let old = read.reservation.seat_ids();
    let touched = Tickets {
        seat_ids: [old.clone(), selection.ids().to_vec()].concat(),
        ..read.reservation.tickets()
    };
    let added = touched.only(|seat| !old.contains(seat));
    let left = db::time_left(&read).unwrap_or_default();
    let undecided = Undecided::new(state, &touched);
    let reused = if added.seat_ids.is_empty() {
        false
    } else {
        match state.seat_holds.hold(&added, left).await? {
            Held::All { reused } => reused,
            Held::Refused(seat_ids) => {
                undecided.decided();
                count_swap(HoldResult::SeatHeld);
                return Err(hold_problems::seats_unavailable(&seat_ids));
            }
        }
    };
    crash::point("reservation.swap.taken-in-redis");
    match decide(state, event, user_id, id, selection).await {
        Ok(Decision::Swapped(swapped)) => {
            let Swapped { now, freed, displaced } = *swapped;
            state.seat_holds.release(&freed).await;
            state.after_end(&displaced).await;
            if reused {
                // Over what an earlier request of this buyer left behind.
                keeping::keep(state, &now.reservation.tickets(), left).await;
            }
            undecided.decided();
            state.after_change(id);
            count_swap(HoldResult::Won);
            Ok(Swap {
                reservation: now.reservation,
                changed: true,
            })
        }
        Ok(Decision::Unchanged(reservation, left)) => {
            // In case Redis had lost it.
            keeping::keep(state, &reservation.tickets(), left).await;
            undecided.decided();
            count_swap(HoldResult::Repeated);
            Ok(Swap {
                reservation: *reservation,
                changed: false,
            })
        }
        // Left undecided: the worker goes on asking.
        Ok(Decision::Unknown) => Err(Problem::new(Code::ServiceUnavailable)),
        Err(problem) => {
            // By what the database has now, because another swap of this reservation may have got some of the seats.
            if undecided::settle(state, &touched).await.is_ok() {
                undecided.decided();
            }
            count_swap(HoldResult::Refused(problem.code()));
            Err(problem)
        }
    }
}

/// Tries the transaction until it has an outcome of its own.
async fn decide(
    state: &AppState,
    mut event: Arc<EventOnSale>,
    user_id: Uuid,
    id: Uuid,
    selection: &SeatSelection,
) -> ApiResult<Decision> {
    for _ in 0..ATTEMPTS {
        let seats = priced(&event, selection)?;
        let wish = SwapWish {
            reservation_id: id,
            user_id,
            event_id: event.event_id,
            event: &event.info,
            event_version: event.version,
            seats: &seats,
        };
        let mut transaction = state.pool.begin().await?;
        match swap(&mut transaction, wish).await {
            Ok(SwapOutcome::Swapped(swapped)) => {
                crash::point("reservation.swap.before-commit");
                let tickets = swapped.now.reservation.tickets();
                let happened = |found: Option<Reservation>| found.is_some_and(|found| found.tickets() == tickets);
                let committed = undecided::commit(state, transaction, &tickets, happened).await?;
                crash::point("reservation.swap.committed");
                return Ok(match committed {
                    Committed::Yes => Decision::Swapped(swapped),
                    Committed::Unknown => Decision::Unknown,
                });
            }
            Ok(SwapOutcome::Unchanged(read)) => {
                transaction.rollback().await?;
                let left = db::time_left(&read).unwrap_or_default();
                return Ok(Decision::Unchanged(Box::new(read.reservation), left));
            }
            Ok(SwapOutcome::NotFound) => return Err(Problem::new(Code::NotFound)),
            Ok(SwapOutcome::Refused(refusal)) => {
                transaction.rollback().await?;
                return Err(hold_problems::not_swappable(refusal));
            }
            Ok(SwapOutcome::CannotBeHad(refusal)) => {
                transaction.rollback().await?;
                return Err(hold_problems::refused(&refusal, &event.info, selection.len()));
            }
            Ok(SwapOutcome::Changed(version)) => {
                transaction.rollback().await?;
                event = state.catalogue.newer_than(&event, version).await?;
            }
            Ok(SwapOutcome::Lost) => transaction.rollback().await?,
            Err(error) if common::db::is_conflict(&error) => {
                tracing::warn!(reservation.id = %id, error.message = %error, "a swap begins again");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::ServiceUnavailable))
}
