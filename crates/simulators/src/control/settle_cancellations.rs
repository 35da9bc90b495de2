use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ControlJson;
use crate::portone::PortoneError;
use crate::portone::cancellation::Settled;
use crate::state::Simulators;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SettleRequest {
    outcome: Settled,
}

/// `POST /control/portone/payments/{paymentId}/cancellations`: the payment gateway ends the payment's REQUESTED
/// cancellations now, and so. Answers with how many there were.
pub(crate) async fn settle_cancellations(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    ControlJson(request): ControlJson<SettleRequest>,
) -> Result<Json<Value>, PortoneError> {
    let payment = simulators
        .payments
        .find(&payment_id)
        .ok_or(PortoneError::PaymentNotFound)?;
    let mut settled = 0;
    for unsettled in &payment.unsettled {
        let outcome = Some(request.outcome);
        let done = simulators
            .settle(&payment_id, &unsettled.cancellation_id, outcome)
            .await?;
        settled += u32::from(done.is_some());
    }
    Ok(Json(json!({ "settled": settled })))
}
