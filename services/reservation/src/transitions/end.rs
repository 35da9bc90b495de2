use crate::{
    db::{self, Cancellation, Locked, RefundChange},
    domain::{
        CancelDecision, CancelReason, RefundStatus, Refusal, ReleaseDecision, Reservation, Status, Tickets,
        decide_cancel, decide_release,
    },
};
use messages::ReservationCancelled;
use sqlx::PgConnection;
use uuid::Uuid;

/// What a release of a hold came to.
#[derive(Debug)]
pub(crate) enum ReleaseOutcome {
    /// There is no such reservation of this user.
    NotFound,
    /// It may not be released.
    Refused(Refusal),
    /// It was over before.
    AlreadyOver,
    /// It is over now.
    Released(Tickets),
}

/// Gives a hold back.
pub(crate) async fn release(
    connection: &mut PgConnection,
    id: Uuid,
    user_id: Uuid,
) -> Result<ReleaseOutcome, sqlx::Error> {
    let Some(Locked { reservation, .. }) = lock_of_user(connection, id, user_id).await? else {
        return Ok(ReleaseOutcome::NotFound);
    };
    match decide_release(&reservation) {
        Err(refusal) => Ok(ReleaseOutcome::Refused(refusal)),
        Ok(ReleaseDecision::AlreadyOver) => Ok(ReleaseOutcome::AlreadyOver),
        Ok(ReleaseDecision::Release) => end(connection, &reservation, &released())
            .await
            .map(ReleaseOutcome::Released),
    }
}

/// What a cancellation came to.
#[derive(Debug)]
pub(crate) enum CancelOutcome {
    /// There is no such reservation of this user.
    NotFound,
    /// It may not be cancelled.
    Refused(Refusal),
    /// It was cancelled before.
    AlreadyCancelled(Box<Reservation>),
    /// It is cancelled now. Where the refund of so many won stands, if it had been paid.
    Cancelled(Tickets, Option<(RefundStatus, i64)>),
}

/// Cancels a reservation for its buyer.
pub(crate) async fn cancel(
    connection: &mut PgConnection,
    id: Uuid,
    user_id: Uuid,
) -> Result<CancelOutcome, sqlx::Error> {
    let Some(Locked { reservation, now, .. }) = lock_of_user(connection, id, user_id).await? else {
        return Ok(CancelOutcome::NotFound);
    };
    let (change, refund) = match decide_cancel(&reservation, now) {
        Err(refusal) => return Ok(CancelOutcome::Refused(refusal)),
        Ok(CancelDecision::AlreadyCancelled) => return Ok(CancelOutcome::AlreadyCancelled(Box::new(reservation))),
        Ok(CancelDecision::Release) => (released(), None),
        Ok(CancelDecision::CancelAndRefund) => {
            let amount = reservation.total_amount;
            let gone_back = reservation.refund.as_ref().map(|refund| refund.status) == Some(RefundStatus::Succeeded);
            // Told of a refund by hand before: nothing is due any more, and nobody would say that it has come back.
            let (refund, status) = if gone_back {
                (RefundChange::None, RefundStatus::Succeeded)
            } else {
                (RefundChange::Requested(amount), RefundStatus::Requested)
            };
            (
                Cancellation {
                    reason: CancelReason::UserRequest,
                    payment: None,
                    refund,
                },
                Some((status, amount)),
            )
        }
    };
    let tickets = end(connection, &reservation, &change).await?;
    Ok(CancelOutcome::Cancelled(tickets, refund))
}

/// Cancels a locked reservation, frees its seats and tells of it.
pub(crate) async fn end(
    connection: &mut PgConnection,
    reservation: &Reservation,
    change: &Cancellation,
) -> Result<Tickets, sqlx::Error> {
    let (version, cancelled_at) = db::cancel(connection, reservation, change).await?;
    let message = ReservationCancelled {
        reservation_id: reservation.id,
        user_id: reservation.user_id,
        concert_id: reservation.event_id,
        seat_ids: reservation.seat_ids(),
        amount: reservation.total_amount,
        reason: change.reason.into(),
        was_confirmed: reservation.status == Status::Confirmed,
        payment_id: change.payment.map(|(id, _)| id).or(reservation.payment_id),
        cancelled_at,
        reservation_version: version,
        grant_id: reservation.grant_id.clone(),
    };
    outbox::enqueue(connection, &message).await?;
    Ok(reservation.tickets())
}

/// The seats that a message says are free.
pub(crate) fn tickets_of(message: ReservationCancelled) -> Tickets {
    Tickets {
        reservation_id: message.reservation_id,
        user_id: message.user_id,
        event_id: message.concert_id,
        seat_ids: message.seat_ids,
    }
}

fn released() -> Cancellation {
    Cancellation {
        reason: CancelReason::HoldReleased,
        payment: None,
        refund: RefundChange::None,
    }
}

/// Another user's reservation is looked at before it is locked, so that nobody can make its owner wait.
async fn lock_of_user(connection: &mut PgConnection, id: Uuid, user_id: Uuid) -> Result<Option<Locked>, sqlx::Error> {
    if db::find_of_user(connection, id, user_id).await?.is_none() {
        return Ok(None);
    }
    db::lock(connection, id).await
}
