use common::{
    crash,
    problem::{Code, Problem},
};

use super::{
    answer::{Outcome, already, unknown},
    charge::charge,
};
use crate::{
    db,
    domain::{FailureReason, Payment},
    neighbours::LockError,
    settlement::HeldLock,
    state::AppState,
};

/// Step 2: the reservation is locked for the payment, and that is written down.
pub(super) async fn lock(state: &AppState, payment: &Payment, token: &str) -> Result<Outcome, Problem> {
    let locked = state
        .reservations
        .lock(payment.reservation_id, payment.id, payment.user_id, payment.amount)
        .await;
    let lock = match locked {
        Ok(lock) => lock,
        Err(LockError::Refused { reason, code }) => {
            return refuse(state, payment, reason, HeldLock::None, Problem::new(code)).await;
        }
        Err(LockError::Unknown(error)) => return Ok(unknown(payment, "lock", &error)),
    };
    crash::point("payment.confirm.locked");
    if !same_seats(&payment.seat_ids, &lock.seat_ids) {
        let problem = Problem::new(Code::PaymentNotPending)
            .detail("The reservation holds other seats by now. Begin a new payment.")
            .member("failureReason", FailureReason::ReservationChanged.as_str());
        return refuse(
            state,
            payment,
            FailureReason::ReservationChanged,
            HeldLock::GiveBack,
            problem,
        )
        .await;
    }
    let recorded = match state.db.acquire().await {
        Ok(mut connection) => {
            db::confirms::record_lock(&mut connection, payment.id, lock.version, lock.grant_id.as_deref()).await
        }
        Err(error) => Err(error),
    };
    match recorded {
        Ok(true) => {
            crash::point("payment.confirm.lock-recorded");
            charge(state, payment, token).await
        }
        // Too slow: it has been decided meanwhile, without a charge.
        Ok(false) => already(state, payment.id).await,
        Err(error) => Ok(unknown(payment, "record the lock", &error)),
    }
}

/// Nothing was charged and the payment is over.
async fn refuse(
    state: &AppState,
    payment: &Payment,
    reason: FailureReason,
    held: HeldLock,
    problem: Problem,
) -> Result<Outcome, Problem> {
    match state.settlement.fail_uncharged(payment.id, reason, held).await {
        Ok(()) => Err(problem.member("charged", false)),
        Err(error) => Ok(unknown(payment, "end the payment", &error)),
    }
}

fn same_seats(ours: &[uuid::Uuid], theirs: &[uuid::Uuid]) -> bool {
    let sorted = |seats: &[uuid::Uuid]| {
        let mut seats = seats.to_vec();
        seats.sort_unstable();
        seats
    };
    sorted(ours) == sorted(theirs)
}
