use chrono::{DateTime, Utc};
use common::{
    client::{ClientError, ServiceClient},
    problem::Code,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{FailureReason, ReservationStatus};

/// Asks the reservation service.
pub(crate) struct ReservationClient(pub(crate) ServiceClient);

/// What the payment is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation {
    pub(crate) reservation_id: Uuid,
    /// The concert.
    pub(crate) event_id: Uuid,
    pub(crate) event_title: String,
    pub(crate) status: ReservationStatus,
    /// Won.
    pub(crate) total_amount: i64,
    pub(crate) seats: Vec<Seat>,
    pub(crate) hold_expires_at: DateTime<Utc>,
    pub(crate) version: i64,
    pub(crate) grant_id: Option<String>,
    /// By its clock the hold is judged, not by ours.
    pub(crate) server_time: DateTime<Utc>,
}

/// A seat of a reservation.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seat {
    pub(crate) seat_id: Uuid,
}

/// A reservation locked for a payment.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentLock {
    pub(crate) seat_ids: Vec<Uuid>,
    pub(crate) version: i64,
    pub(crate) grant_id: Option<String>,
}

/// Why a reservation is not locked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// It refused, so it is not.
    #[error("the lock is refused: {}", reason.as_str())]
    Refused {
        /// Why the payment fails.
        reason: FailureReason,
        /// What the buyer is told.
        code: Code,
    },
    /// It may be locked.
    #[error(transparent)]
    Unknown(ClientError),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LockRequest {
    payment_id: Uuid,
    user_id: Uuid,
    amount: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnlockRequest {
    payment_id: Uuid,
}

impl ReservationClient {
    /// The user's reservation; `None` if there is no such one, or it is another user's.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn find(&self, id: Uuid, user: Uuid) -> Result<Option<Reservation>, ClientError> {
        match self.0.get(&format!("/internal/reservations/{id}?userId={user}")).await {
            Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
            result => result.map(Some),
        }
    }

    /// Locks the reservation for a payment. The lock is idempotent, so an unknown outcome is asked for once more.
    ///
    /// # Errors
    /// [`LockError`].
    pub(crate) async fn lock(
        &self,
        id: Uuid,
        payment_id: Uuid,
        user_id: Uuid,
        amount: i64,
    ) -> Result<PaymentLock, LockError> {
        let path = format!("/internal/reservations/{id}/payment-lock");
        let request = LockRequest {
            payment_id,
            user_id,
            amount,
        };
        let result = match self.0.post(&path, &request).await {
            Err(ClientError::Unavailable { .. }) => self.0.post(&path, &request).await,
            result => result,
        };
        result.map_err(lock_error)
    }

    /// Gives the lock back; a payment that does not hold it changes nothing.
    ///
    /// # Errors
    /// [`ClientError`]; the lock may or may not be given back then.
    pub(crate) async fn unlock(&self, id: Uuid, payment_id: Uuid) -> Result<(), ClientError> {
        self.0
            .post(
                &format!("/internal/reservations/{id}/payment-unlock"),
                &UnlockRequest { payment_id },
            )
            .await
    }
}

fn lock_error(error: ClientError) -> LockError {
    let (reason, code) = match (&error, error.code()) {
        (_, Some(Code::HoldExpired)) => (FailureReason::HoldExpired, Code::HoldExpired),
        (_, Some(Code::AmountMismatch)) => (FailureReason::AmountMismatch, Code::AmountMismatch),
        (_, Some(Code::PaymentInProgress)) => (FailureReason::PaymentInProgress, Code::PaymentInProgress),
        (_, Some(Code::ReservationNotPending)) => (FailureReason::ReservationNotPending, Code::ReservationNotPending),
        (_, Some(Code::NotFound)) => (FailureReason::ReservationNotFound, Code::ReservationNotPending),
        // Any other 409 is a rule that this release does not know: it is not locked, and will not be.
        (ClientError::Refused { status, .. }, _) if *status == http::StatusCode::CONFLICT => {
            (FailureReason::LockRefused, Code::ReservationNotPending)
        }
        _ => return LockError::Unknown(error),
    };
    LockError::Refused { reason, code }
}
