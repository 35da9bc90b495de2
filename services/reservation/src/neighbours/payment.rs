use common::{
    client::{ClientError, ServiceClient},
    problem::Code,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks the payment service what became of a payment, and tells it what its payments need to know.
#[derive(Clone)]
pub(crate) struct PaymentClient(pub(crate) ServiceClient);

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    pub(crate) status: OutcomeStatus,
    /// Whether money may be moving: set before the lock is asked for.
    pub(crate) confirm_started: bool,
}

/// The payment's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum OutcomeStatus {
    Pending,
    Success,
    Failed,
    Refunded,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReservationChanged {
    reservation_version: i64,
}

impl PaymentClient {
    /// The payment's outcome, or nothing if there is no such payment.
    pub(crate) async fn outcome(&self, payment_id: Uuid) -> Result<Option<Outcome>, ClientError> {
        match self.0.get(&format!("/internal/payments/{payment_id}/outcome")).await {
            Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
            result => result.map(Some),
        }
    }

    /// Tells that the reservation has other seats from this version on, so that a payment begun before ends.
    pub(crate) async fn reservation_changed(
        &self,
        reservation_id: Uuid,
        reservation_version: i64,
    ) -> Result<(), ClientError> {
        let path = format!("/internal/payments/reservations/{reservation_id}/changed");
        self.0.post(&path, &ReservationChanged { reservation_version }).await
    }
}
