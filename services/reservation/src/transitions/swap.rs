use super::{HoldRefusal, displace, is_outdated, refused_by_survey};
use crate::{
    db::{self, Locked, Read, SurveyRequest},
    domain::{ReservedSeat, SwapDecision, SwapRefusal, Tickets, decide_swap},
    neighbours::EventInfo,
};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// Seats that a buyer wants instead of those that a reservation holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SwapWish<'a> {
    pub(crate) reservation_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) event: &'a EventInfo,
    /// The version of the event that `event` and the prices are of.
    pub(crate) event_version: i64,
    /// Sorted by id, with the catalogue's prices.
    pub(crate) seats: &'a [ReservedSeat],
}

/// What came of it. Anything but `Swapped` is to be rolled back.
#[derive(Debug)]
pub(crate) enum SwapOutcome {
    /// There is no such reservation of this user.
    NotFound,
    /// The reservation has these seats now instead of others.
    Swapped(Box<Swapped>),
    /// It had exactly these before.
    Unchanged(Box<Read>),
    /// The reservation does not allow it.
    Refused(SwapRefusal),
    /// The sale or the seats do not allow it.
    CannotBeHad(HoldRefusal),
    /// The event has changed or its sale has opened since it was read; this version or a newer one must be looked at anew.
    Changed(i64),
    /// Another transaction got in between; the same again may succeed.
    Lost,
}

/// A reservation with other seats.
#[derive(Debug)]
pub(crate) struct Swapped {
    /// As it is now.
    pub(crate) now: Read,
    /// The seats that it gave up.
    pub(crate) freed: Tickets,
    /// Reservations whose expired seats it took.
    pub(crate) displaced: Vec<Tickets>,
}

/// Gives a reservation other seats, all of them or none. Its expiry stays.
///
/// The buyer's lock keeps other swaps and holds of the same buyer away, so the reservation's seats stand still from the
/// first look on. Its state does not (sweep and payment take only the rows), so it is judged again once they are locked.
pub(crate) async fn swap(connection: &mut PgConnection, wish: SwapWish<'_>) -> Result<SwapOutcome, sqlx::Error> {
    let wanted: Vec<Uuid> = wish.seats.iter().map(|seat| seat.seat_id).collect();
    db::lock_buyer_and_share_event(connection, wish.user_id, wish.event_id).await?;
    let Some(read) = db::find_of_user(connection, wish.reservation_id, wish.user_id).await? else {
        return Ok(SwapOutcome::NotFound);
    };
    match decide_swap(&read.reservation, &wanted, read.now) {
        Err(refusal) => return Ok(SwapOutcome::Refused(refusal)),
        Ok(SwapDecision::Unchanged) => return Ok(SwapOutcome::Unchanged(Box::new(read))),
        Ok(SwapDecision::Swap) => {}
    }
    let old = read.reservation.seat_ids();
    let added: Vec<Uuid> = wanted.iter().copied().filter(|seat| !old.contains(seat)).collect();
    let request = SurveyRequest {
        user_id: wish.user_id,
        event_id: wish.event_id,
        seat_ids: &added,
        hold_for: Duration::ZERO,
    };
    let survey = db::survey(connection, request).await?;
    if is_outdated(wish.event, wish.event_version, &survey) {
        return Ok(SwapOutcome::Changed(survey.event_version));
    }
    if let Some(refusal) = refused_by_survey(wish.event, wanted.len(), &survey) {
        return Ok(SwapOutcome::CannotBeHad(refusal));
    }
    let mut old_and_new = [old, added].concat();
    old_and_new.sort_unstable();
    let in_the_way = survey.expired_holders;
    let Some(displaced) = displace(connection, wish.event_id, &old_and_new, in_the_way).await? else {
        return Ok(SwapOutcome::Lost);
    };
    let expires_at = read.reservation.hold_expires_at;
    let taken = db::take_more_seats(connection, wish.event_id, &old_and_new, wish.reservation_id, expires_at).await?;
    let Some(Locked { reservation, now, .. }) = db::lock(connection, wish.reservation_id).await? else {
        return Ok(SwapOutcome::NotFound);
    };
    if let Err(refusal) = decide_swap(&reservation, &wanted, now) {
        return Ok(SwapOutcome::Refused(refusal));
    }
    if taken.len() < old_and_new.len() {
        old_and_new.retain(|seat| taken.iter().all(|got| got.seat_id != *seat));
        return Ok(SwapOutcome::CannotBeHad(HoldRefusal::SeatsTaken(old_and_new)));
    }
    // A hold that ran out between the survey and here: its reservation must be cancelled too, so begin again.
    if taken
        .iter()
        .any(|seat| seat.before.is_some_and(|holder| holder != reservation.id))
    {
        return Ok(SwapOutcome::Lost);
    }
    let version = db::change_seats(connection, &reservation, wish.seats).await?;
    let freed = reservation.tickets().only(|seat| !wanted.contains(seat));
    let mut now = Read { reservation, now };
    now.reservation.version = version;
    now.reservation.total_amount = wish.seats.iter().map(|seat| seat.price).sum();
    now.reservation.seats = wish.seats.to_vec();
    Ok(SwapOutcome::Swapped(Box::new(Swapped { now, freed, displaced })))
}
