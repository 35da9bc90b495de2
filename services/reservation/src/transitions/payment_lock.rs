//! The lock of a reservation for one payment (`design.md` §8.3).
//!
//! | who dies where | then |
//! |---|---|
//! | payment, before it asks | no lock; the hold runs out |
//! | we, before the commit | no lock; the payment finds out by asking again or gives up, nothing charged |
//! | the reply is lost | asking again with the same payment gives the same answer |
//! | payment, while it holds the lock | its reconciler ends it; after two minutes we ask for the outcome |
//! | a late request, after the payment has failed | a lock that nobody ends: we ask, hear FAILED, cancel |
//! | Redis | nothing: assignments decide |

use crate::{
    db::{self, Locked},
    domain::{LockDecision, LockRefusal, Reservation, Tickets, decide_payment_lock},
};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// A payment that wants the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaymentLock {
    pub(crate) reservation_id: Uuid,
    pub(crate) payment_id: Uuid,
    pub(crate) user_id: Uuid,
    /// Won.
    pub(crate) amount: i64,
}

/// What came of it. Refused: the caller rolls back, because the seats were prolonged before the refusal was known.
#[derive(Debug)]
pub(crate) enum LockOutcome {
    /// There is no such reservation of this user.
    NotFound,
    /// The payment must not go on.
    Refused(LockRefusal),
    /// The payment has the lock, and the reservation this version.
    Locked(Box<Reservation>, i64),
}

/// Locks a reservation for a payment. Idempotent by payment.
pub(crate) async fn lock_for_payment(
    connection: &mut PgConnection,
    wanted: PaymentLock,
) -> Result<LockOutcome, sqlx::Error> {
    let found = db::find_of_user(connection, wanted.reservation_id, wanted.user_id).await?;
    let Some(event_id) = found.map(|read| read.reservation.event_id) else {
        return Ok(LockOutcome::NotFound);
    };
    db::share_event(connection, event_id).await?;
    let event_closed = db::is_event_closed(connection, event_id).await?;
    let Some(Locked { reservation, .. }) = db::lock(connection, wanted.reservation_id).await? else {
        return Ok(LockOutcome::NotFound);
    };
    // With the rows locked nobody can take a seat any more, so whether it has expired is judged now and once.
    let held = db::prolong_seats(connection, reservation.id).await?;
    match decide_payment_lock(&reservation, wanted.payment_id, wanted.amount, held, event_closed) {
        Err(refusal) => Ok(LockOutcome::Refused(refusal)),
        Ok(LockDecision::AlreadyLocked) => {
            let version = reservation.version;
            Ok(LockOutcome::Locked(Box::new(reservation), version))
        }
        Ok(LockDecision::Lock) => {
            let version = db::lock_for_payment(connection, &reservation, wanted.payment_id, wanted.amount).await?;
            Ok(LockOutcome::Locked(Box::new(reservation), version))
        }
    }
}

/// A reservation that a payment has let go of.
#[derive(Debug)]
pub(crate) struct Unlocked {
    pub(crate) tickets: Tickets,
    /// How long its hold still lasts; nothing if it is over.
    pub(crate) left: Option<Duration>,
}

/// Takes the lock from a payment that moved no money. Nothing if it does not hold it.
pub(crate) async fn unlock(
    connection: &mut PgConnection,
    reservation_id: Uuid,
    payment_id: Uuid,
) -> Result<Option<Unlocked>, sqlx::Error> {
    let Some(Locked { reservation, now, .. }) = db::lock(connection, reservation_id).await? else {
        return Ok(None);
    };
    if reservation.payment_lock != Some(payment_id) {
        return Ok(None);
    }
    db::unlock(connection, &reservation, payment_id).await?;
    let left = (reservation.hold_expires_at - now).to_std().ok();
    Ok(Some(Unlocked {
        tickets: reservation.tickets(),
        left,
    }))
}
