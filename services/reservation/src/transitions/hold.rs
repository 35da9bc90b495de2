use super::tickets_of;
use crate::{
    db::{self, NewReservation, Read, Survey, SurveyRequest},
    domain::{ReservedSeat, Status, Tickets},
    neighbours::{EventInfo, EventState},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// Seats that a buyer wants to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoldWish<'a> {
    pub(crate) reservation_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) event: &'a EventInfo,
    /// The version of the event that `event` and the prices are of.
    pub(crate) event_version: i64,
    /// Sorted by id, with the catalogue's prices.
    pub(crate) seats: &'a [ReservedSeat],
    /// The queue's grant.
    pub(crate) grant_id: &'a str,
    pub(crate) hold_for: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum HoldOutcome {
    /// The seats are held.
    Created {
        /// Until then.
        hold_expires_at: DateTime<Utc>,
        /// Reservations whose expired seats these were.
        displaced: Vec<Tickets>,
    },
    /// The buyer holds exactly these seats already.
    Existing(Box<Read>),
    /// Not like this.
    Refused(HoldRefusal),
    /// The event has changed or its sale has opened since it was read; this version or a newer one must be looked at anew.
    Changed(i64),
    /// Another transaction got in between; the same again may succeed.
    Lost,
}

/// Why seats cannot be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HoldRefusal {
    /// The sale opens later than `now`.
    NotOpen {
        /// The database's time.
        now: DateTime<Utc>,
    },
    /// The sale is over or the event closed.
    Closed,
    /// The buyer holds other seats of this event.
    HoldExists(Uuid),
    /// The buyer would have more seats than one may have.
    LimitExceeded {
        /// How many the buyer has already.
        confirmed: i64,
    },
    /// Somebody has these.
    SeatsTaken(Vec<Uuid>),
}

/// Holds the seats. Anything but `Created` and `Existing` is to be rolled back.
pub(crate) async fn hold(connection: &mut PgConnection, wish: HoldWish<'_>) -> Result<HoldOutcome, sqlx::Error> {
    let seat_ids: Vec<Uuid> = wish.seats.iter().map(|seat| seat.seat_id).collect();
    db::lock_buyer_and_share_event(connection, wish.user_id, wish.event_id).await?;
    let request = SurveyRequest {
        user_id: wish.user_id,
        event_id: wish.event_id,
        seat_ids: &seat_ids,
        hold_for: wish.hold_for,
    };
    let survey = db::survey(connection, request).await?;
    if let (Some(id), Some(true)) = (survey.pending_id, survey.pending_live) {
        return existing(connection, id, &survey, &seat_ids).await;
    }
    if is_outdated(wish.event, wish.event_version, &survey) {
        return Ok(HoldOutcome::Changed(survey.event_version));
    }
    if let Some(refusal) = refused_by_survey(wish.event, seat_ids.len(), &survey) {
        return Ok(HoldOutcome::Refused(refusal));
    }
    // Those whose seats these were, and the buyer's own.
    let mut in_the_way = survey.expired_holders;
    in_the_way.extend(survey.pending_id);
    let Some(displaced) = displace(connection, wish.event_id, &seat_ids, in_the_way).await? else {
        return Ok(HoldOutcome::Lost);
    };
    let taken = db::take_and_reserve(connection, new_reservation(&wish, survey.expires_at)).await?;
    if taken.len() < seat_ids.len() {
        let missing = seat_ids
            .into_iter()
            .filter(|id| taken.iter().all(|(got, _)| got != id))
            .collect();
        return Ok(HoldOutcome::Refused(HoldRefusal::SeatsTaken(missing)));
    }
    // A hold that ran out between the survey and here: its reservation must be cancelled too, so begin again.
    if taken.iter().any(|(_, from)| from.is_some()) {
        return Ok(HoldOutcome::Lost);
    }
    Ok(HoldOutcome::Created {
        hold_expires_at: survey.expires_at,
        displaced,
    })
}

/// The buyer's live hold: the answer to a repeated request if it is of the same seats, in the way otherwise.
pub(super) async fn existing(
    connection: &mut PgConnection,
    id: Uuid,
    survey: &Survey,
    seat_ids: &[Uuid],
) -> Result<HoldOutcome, sqlx::Error> {
    if survey.pending_seats != seat_ids {
        return Ok(HoldOutcome::Refused(HoldRefusal::HoldExists(id)));
    }
    // A payment's outcome does not wait for the buyer's lock: it may have ended the hold since the survey.
    let read = db::find(connection, id).await?;
    let read = read.filter(|read| read.reservation.status == Status::Pending);
    Ok(read.map_or(HoldOutcome::Lost, |read| HoldOutcome::Existing(Box::new(read))))
}

/// Whether a copy of the event must not be sold by: there is a newer version, or it was read before the sale opened. Until
/// then the event service may change seats and prices as long as nobody has a claim; and it reads them, once the sale is
/// open, behind a change that is still being made. So a hold has the seats and prices of the sale, to the last one.
pub(super) fn is_outdated(event: &EventInfo, version: i64, survey: &Survey) -> bool {
    let from_before_the_sale = event.read_at < event.sale_start_at && event.sale_start_at <= survey.now;
    // A closed event is refused whatever became of it.
    (survey.event_version > version || from_before_the_sale) && !survey.event_closed
}

/// Why the buyer cannot have `wanted` seats in all, as far as the survey of those that are not the buyer's tells.
pub(super) fn refused_by_survey(event: &EventInfo, wanted: usize, survey: &Survey) -> Option<HoldRefusal> {
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
    if survey.event_closed || event.status == EventState::Cancelled || survey.now >= event.sale_end_at {
        Some(HoldRefusal::Closed)
    } else if survey.now < event.sale_start_at {
        Some(HoldRefusal::NotOpen { now: survey.now })
    } else if survey.confirmed_seats.saturating_add(wanted) > event.max_tickets_per_user {
        Some(HoldRefusal::LimitExceeded {
            confirmed: survey.confirmed_seats,
        })
    } else if !survey.taken.is_empty() {
        Some(HoldRefusal::SeatsTaken(survey.taken.clone()))
    } else {
        None
    }
}

/// Cancels the reservations that are in the way of taking these seats and over. Nothing if one of them turned out not to be
/// over.
pub(super) async fn displace(
    connection: &mut PgConnection,
    event_id: Uuid,
    seat_ids: &[Uuid],
    mut in_the_way: Vec<Uuid>,
) -> Result<Option<Vec<Tickets>>, sqlx::Error> {
    if in_the_way.is_empty() {
        return Ok(Some(Vec::new()));
    }
    in_the_way.sort_unstable();
    in_the_way.dedup();
    if !db::lock_takeover(connection, event_id, seat_ids, &in_the_way).await? {
        return Ok(None);
    }
    let messages = db::expire(connection, &in_the_way).await?;
    outbox::enqueue_all(connection, &messages).await?;
    Ok(Some(messages.into_iter().map(tickets_of).collect()))
}

fn new_reservation<'a>(wish: &HoldWish<'a>, hold_expires_at: DateTime<Utc>) -> NewReservation<'a> {
    NewReservation {
        id: wish.reservation_id,
        user_id: wish.user_id,
        event_id: wish.event_id,
        total_amount: wish.seats.iter().map(|seat| seat.price).sum(),
        hold_expires_at,
        event_title: &wish.event.title,
        event_start_at: wish.event.event_start_at,
        event_end_at: wish.event.event_end_at,
        grant_id: Some(wish.grant_id),
        seats: wish.seats,
    }
}
