use crate::{domain::Claim, projection::project};
use messages::{
    ConfirmationFailure, Envelope, Message, ReservationCancelled, ReservationConfirmationFailed, ReservationConfirmed,
};
use outbox::{Handled, Handler, HandlerError};
use sqlx::PgConnection;

/// `reservation.events`: a confirmation raises the claim, a cancellation or a failed confirmation ends it.
pub(crate) struct ReservationEvents;

impl Handler for ReservationEvents {
    const TYPES: &'static [&'static str] = &[
        ReservationConfirmed::TYPE,
        ReservationCancelled::TYPE,
        ReservationConfirmationFailed::TYPE,
    ];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let (concert, seats, reservation, claim) = match message.event_type.as_str() {
            ReservationConfirmed::TYPE => {
                let confirmed: ReservationConfirmed = message.decode()?;
                (
                    confirmed.concert_id,
                    confirmed.seat_ids,
                    confirmed.reservation_id,
                    Claim::Confirmed,
                )
            }
            ReservationConfirmationFailed::TYPE => {
                let failed: ReservationConfirmationFailed = message.decode()?;
                // A second payment of a reservation that lives on: its seats stay sold.
                if failed.reason == ConfirmationFailure::AlreadyConfirmed {
                    return Ok(Handled::done());
                }
                (
                    failed.concert_id,
                    failed.seat_ids,
                    failed.reservation_id,
                    Claim::Released,
                )
            }
            _ => {
                let cancelled: ReservationCancelled = message.decode()?;
                (
                    cancelled.concert_id,
                    cancelled.seat_ids,
                    cancelled.reservation_id,
                    Claim::Released,
                )
            }
        };
        project(transaction, concert, &seats, reservation, claim).await?;
        Ok(Handled::done())
    }
}
