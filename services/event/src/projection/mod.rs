//! The seat projection (`design.md` §8.5): which seats show as sold, made of what payment and reservation service say.
//!
//! The two topics are not ordered against each other and each message may come twice, so no message says what a seat is.
//! It only raises its reservation's claim on the seat, PAID < CONFIRMED < RELEASED, and never lowers it; a seat is SOLD
//! exactly when some claim on it is PAID or CONFIRMED. The highest claim of a set does not depend on the order in which the
//! set arrived, so any order and any repetition end in the same map: a release that comes before its sale is remembered
//! and the sale then changes nothing, and a late release of one buyer leaves the next buyer's seat sold.
//!
//! The seats are locked in the order of their ids first, which both serialises messages about a seat and is the lock that
//! the key of SeatSold and SeatReleased demands. The concert's map row is locked only when a seat really turns, so the many
//! holds that run out unpaid do not wait for each other.

use crate::{
    db::projection::{self as db, Turned},
    domain::Claim,
};
use anyhow::anyhow;
use common::traces;
use messages::{SeatReleased, SeatSold};
use outbox::HandlerError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Raises the reservation's claim on the seats, and turns those seats whose status it changes.
///
/// Seats that are not this concert's can never be projected: the message is refused for good.
pub(crate) async fn project(
    connection: &mut PgConnection,
    concert: Uuid,
    seats: &[Uuid],
    reservation: Uuid,
    claim: Claim,
) -> Result<(), HandlerError> {
    traces::note("event.id", || concert.to_string());
    let mut seats = seats.to_vec();
    seats.sort_unstable();
    seats.dedup();
    let locked = db::lock_seats(connection, concert, &seats).await?;
    if locked != seats.len() {
        let error = anyhow!(
            "{} of {} seats are not of concert {concert}",
            seats.len() - locked,
            seats.len()
        );
        return Err(HandlerError::Permanent(error));
    }
    db::raise_claims(connection, &seats, reservation, claim).await?;
    let turned = db::turned(connection, &seats).await?;
    if turned.is_empty() {
        return Ok(());
    }
    let at = db::turn(connection, concert, &turned).await?;
    traces::note("seat.status", || {
        if turned.iter().any(|seat| seat.sold) {
            "SOLD"
        } else {
            "AVAILABLE"
        }
    });

    let (sold, released): (Vec<Turned>, Vec<Turned>) = turned.into_iter().partition(|seat| seat.sold);
    let sold: Vec<SeatSold> = sold
        .into_iter()
        .map(|seat| SeatSold {
            seat_id: seat.seat_id,
            concert_id: concert,
            reservation_id: reservation,
            sold_at: at,
        })
        .collect();
    let released: Vec<SeatReleased> = released
        .into_iter()
        .map(|seat| SeatReleased {
            seat_id: seat.seat_id,
            concert_id: concert,
            reservation_id: reservation,
            released_at: at,
        })
        .collect();
    outbox::enqueue_all(connection, &sold).await?;
    outbox::enqueue_all(connection, &released).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
