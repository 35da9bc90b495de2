use crate::{
    domain::LockRefusal,
    keeping,
    state::AppState,
    transitions::{self, LockOutcome, PaymentLock},
};
use axum::extract::State;
use common::{
    crash,
    extract::{Json, Path},
    problem::{ApiResult, Code, Problem},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who wants the lock.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LockRequest {
    payment_id: Uuid,
    user_id: Uuid,
    /// Won.
    amount: i64,
}

/// The lock.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LockReply {
    reservation_id: Uuid,
    payment_id: Uuid,
    /// Won.
    amount: i64,
    seat_ids: Vec<Uuid>,
    version: i64,
    grant_id: Option<String>,
}

/// Locks a reservation for a payment that is about to move money. Idempotent by payment.
pub(super) async fn payment_lock(
    State(state): State<AppState>,
    Path(reservation_id): Path<Uuid>,
    Json(request): Json<LockRequest>,
) -> ApiResult<Json<LockReply>> {
    let LockRequest {
        payment_id,
        user_id,
        amount,
    } = request;
    let mut transaction = state.pool.begin().await?;
    let wanted = PaymentLock {
        reservation_id,
        payment_id,
        user_id,
        amount,
    };
    match transitions::lock_for_payment(&mut transaction, wanted).await? {
        LockOutcome::NotFound => Err(Problem::new(Code::NotFound)),
        LockOutcome::Refused(refusal) => {
            transaction.rollback().await?;
            Err(refused(refusal))
        }
        LockOutcome::Locked(reservation, version) => {
            crash::point("reservation.payment-lock.before-commit");
            transaction.commit().await?;
            crash::point("reservation.payment-lock.committed");
            keeping::keep(&state, &reservation.tickets(), state.limits.payment_lock_redis_ttl).await;
            Ok(Json(LockReply {
                reservation_id,
                payment_id,
                amount,
                seat_ids: reservation.seat_ids(),
                version,
                grant_id: reservation.grant_id,
            }))
        }
    }
}

fn refused(refusal: LockRefusal) -> Problem {
    Problem::new(match refusal {
        LockRefusal::HoldExpired => Code::HoldExpired,
        LockRefusal::NotPending => Code::ReservationNotPending,
        LockRefusal::AmountMismatch => Code::AmountMismatch,
        LockRefusal::PaymentInProgress => Code::PaymentInProgress,
    })
}
