//! Holding seats across Redis and the database (`design.md` §8.2): Redis keeps the crowd off, one transaction decides, and
//! whatever Redis gave that the database did not is given back.
//!
//! | who dies where | then |
//! |---|---|
//! | Redis is down or its reply lost | 503; what it took expires, and the same buyer may take it again at once |
//! | the buyer hangs up, at any point | the transaction rolls back or has committed; [`Undecided`] hands the rest to a worker |
//! | we die after Redis | a hold that expires, and does not stand in the same buyer's way |
//! | the transaction is refused | released by reservation id, so never somebody else's hold |
//! | the reply to COMMIT is lost | the id is looked up behind the buyer's lock, which the lost transaction holds to its end; only if it is not there is anything released |
//! | even that cannot be told | 503, and a worker goes on looking it up until the hold has run out |
//! | we die after the commit | the same seats again give the same reservation |
//! | the queue service is down afterwards | `paymentToken` is null; it can be asked for again |
//!
//! Two requests of one buyer for the same seats at once: Redis lets both pass, the buyer's lock puts them in a row, and the
//! second finds the first one's reservation.

use crate::{
    catalogue::EventOnSale,
    db,
    domain::{ReservedSeat, SeatSelection, Tickets},
    keeping,
    metrics::{HoldResult, count_hold},
    routes::hold_problems,
    routes::hold_seats::{HoldReply, HoldRequest},
    seat_holds::Held,
    state::AppState,
    transitions::{HoldOutcome, HoldRefusal, HoldWish, hold},
    undecided::{self, Committed, Undecided},
};
use common::{
    crash,
    idempotency::{self, Claim, IdempotencyKey},
    problem::{ApiResult, Code, Problem},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// The route's name in `idempotency_keys`.
const ROUTE: &str = "POST /reservations/hold";
/// Losing against other transactions this often in a row means overload, not bad luck.
pub(crate) const ATTEMPTS: usize = 4;

/// A checked request for seats.
pub(crate) struct Wish {
    pub(crate) user_id: Uuid,
    pub(crate) event: Arc<EventOnSale>,
    pub(crate) selection: SeatSelection,
    /// The queue's grant.
    pub(crate) grant_id: String,
    pub(crate) key: IdempotencyKey,
    /// As it came, for the key.
    pub(crate) body: HoldRequest,
}

/// The answer, still without a payment token.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 201, or 200 for a reservation that was there.
    pub(crate) status: u16,
    pub(crate) reply: HoldReply,
    /// Whether it is an earlier answer, so that the reservation may have ended since.
    pub(crate) replayed: bool,
}

/// What the database said.
enum Decision {
    /// The seats are held, and these reservations had to make way.
    Created(Answer, Vec<Tickets>),
    /// The buyer had them already; the hold to keep up in Redis, if time is left and no payment keeps it up.
    Existing(Answer, Option<(Tickets, Duration)>),
    /// The same request with the same key was answered meanwhile.
    Replayed(Answer),
    /// Nobody knows; nothing may be released.
    Unknown,
}

/// The answer that the same request with the same key got before, if any. Looked for before anything is taken.
pub(crate) async fn earlier_answer(
    state: &AppState,
    user_id: Uuid,
    key: &IdempotencyKey,
    body: &HoldRequest,
) -> ApiResult<Option<Answer>> {
    if key.0.is_none() {
        return Ok(None);
    }
    let mut transaction = state.pool.begin().await?;
    let claim = idempotency::claim(&mut transaction, user_id, ROUTE, key, body).await;
    transaction.rollback().await?;
    match claim? {
        Claim::New(_) => Ok(None),
        Claim::Replay { status, body } => replayed(status, body).map(Some),
    }
}

/// Holds the seats, or tells why not.
pub(crate) async fn hold_seats(state: &AppState, wish: Wish) -> ApiResult<Answer> {
    // Unknown seats are refused before Redis learns of them.
    priced(&wish.event, &wish.selection)?;
    let tickets = Tickets {
        reservation_id: Uuid::now_v7(),
        user_id: wish.user_id,
        event_id: wish.event.event_id,
        seat_ids: wish.selection.ids().to_vec(),
    };
    let undecided = Undecided::new(state, &tickets);
    let held = state.seat_holds.hold(&tickets, state.limits.hold_ttl).await?;
    let reused = match held {
        Held::All { reused } => reused,
        Held::Refused(seat_ids) => {
            undecided.decided();
            count_hold(HoldResult::SeatHeld);
            return Err(hold_problems::seats_unavailable(&seat_ids));
        }
    };
    crash::point("reservation.hold.taken-in-redis");
    match decide(state, &wish, &tickets).await {
        Ok(Decision::Created(answer, displaced)) => {
            undecided.decided();
            count_hold(HoldResult::Won);
            state.after_end(&displaced).await;
            if reused {
                keeping::keep(state, &tickets, state.limits.hold_ttl).await;
            }
            Ok(answer)
        }
        Ok(Decision::Existing(answer, Some((existing, left)))) => {
            // Over what was just taken for the new id, and in case Redis had lost it.
            keeping::keep(state, &existing, left).await;
            undecided.decided();
            count_hold(HoldResult::Repeated);
            Ok(answer)
        }
        Ok(Decision::Existing(answer, None) | Decision::Replayed(answer)) => {
            state.seat_holds.release(&tickets).await;
            undecided.decided();
            count_hold(HoldResult::Repeated);
            Ok(answer)
        }
        // Left undecided: the worker goes on asking.
        Ok(Decision::Unknown) => Err(Problem::new(Code::ServiceUnavailable)),
        Err(problem) => {
            state.seat_holds.release(&tickets).await;
            undecided.decided();
            count_hold(HoldResult::Refused(problem.code()));
            Err(problem)
        }
    }
}

/// Tries the transaction until it has an outcome of its own.
async fn decide(state: &AppState, wish: &Wish, tickets: &Tickets) -> ApiResult<Decision> {
    let mut event = Arc::clone(&wish.event);
    for _ in 0..ATTEMPTS {
        let seats = priced(&event, &wish.selection)?;
        let mut transaction = state.pool.begin().await?;
        let claim = idempotency::claim(&mut transaction, wish.user_id, ROUTE, &wish.key, &wish.body).await?;
        let claimed = match claim {
            Claim::New(claimed) => claimed,
            Claim::Replay { status, body } => return replayed(status, body).map(Decision::Replayed),
        };
        let wanted = HoldWish {
            reservation_id: tickets.reservation_id,
            user_id: wish.user_id,
            event_id: event.event_id,
            event: &event.info,
            event_version: event.version,
            seats: &seats,
            grant_id: &wish.grant_id,
            hold_for: state.limits.hold_ttl,
        };
        match hold(&mut transaction, wanted).await {
            Ok(HoldOutcome::Created {
                hold_expires_at,
                displaced,
            }) => {
                let reply = HoldReply::created(tickets, seats, hold_expires_at);
                claimed.complete(&mut transaction, 201, &reply).await?;
                let answer = Answer {
                    status: 201,
                    reply,
                    replayed: false,
                };
                crash::point("reservation.hold.before-commit");
                let committed = undecided::commit(state, transaction, tickets, |found| found.is_some()).await?;
                crash::point("reservation.hold.committed");
                return Ok(match committed {
                    Committed::Yes => Decision::Created(answer, displaced),
                    Committed::Unknown => Decision::Unknown,
                });
            }
            Ok(HoldOutcome::Existing(read)) => {
                let reply = HoldReply::of(&read.reservation);
                claimed.complete(&mut transaction, 200, &reply).await?;
                transaction.commit().await?;
                let unlocked = read.reservation.payment_lock.is_none();
                let keep = db::time_left(&read)
                    .filter(|_| unlocked)
                    .map(|left| (read.reservation.tickets(), left));
                return Ok(Decision::Existing(
                    Answer {
                        status: 200,
                        reply,
                        replayed: false,
                    },
                    keep,
                ));
            }
            Ok(HoldOutcome::Refused(refusal)) => {
                transaction.rollback().await?;
                return Err(refused(&refusal, &event, wish));
            }
            Ok(HoldOutcome::Changed(version)) => {
                transaction.rollback().await?;
                event = state.catalogue.newer_than(&event, version).await?;
            }
            Ok(HoldOutcome::Lost) => transaction.rollback().await?,
            Err(error) if common::db::is_conflict(&error) => {
                tracing::warn!(reservation.id = %tickets.reservation_id, error.message = %error, "a hold begins again");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::ServiceUnavailable))
}

/// The seats with their prices of now, or 400 if the event has no such seat.
pub(crate) fn priced(event: &EventOnSale, selection: &SeatSelection) -> ApiResult<Vec<ReservedSeat>> {
    let seat = |id: &Uuid| {
        event.seat(*id).map(|seat| ReservedSeat {
            seat_id: seat.id,
            seat_number: seat.seat_number.clone(),
            grade: seat.grade.clone(),
            price: seat.price,
        })
    };
    let seats: Option<Vec<ReservedSeat>> = selection.ids().iter().map(seat).collect();
    seats.ok_or_else(|| Problem::invalid("seatIds", "the event has no such seat"))
}

fn refused(refusal: &HoldRefusal, event: &EventOnSale, wish: &Wish) -> Problem {
    hold_problems::refused(refusal, &event.info, wish.selection.len())
}

fn replayed(status: u16, body: Value) -> ApiResult<Answer> {
    let reply = serde_json::from_value(body).map_err(|error| Problem::internal(&error))?;
    Ok(Answer {
        status,
        reply,
        replayed: true,
    })
}
