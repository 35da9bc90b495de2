use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::ControlJson;
use crate::portone::PortoneError;
use crate::portone::cancel::Announced;
use crate::portone::cancellation::{Refund, Trigger};
use crate::portone::get::payment_object;
use crate::portone::payment::{AttemptState, OnConfirm, PaymentStatus, pg_tx_id};
use crate::portone::webhooks::EventKind;
use crate::state::Simulators;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ForceStatusRequest {
    status: PaymentStatus,
    /// Of PARTIAL_CANCELLED: what goes back; one won if it is not said.
    amount: Option<i64>,
    #[serde(default)]
    skip_webhook: bool,
}

/// `POST /control/portone/payments/{paymentId}/status`: the payment gateway makes up its mind, in whatever way. The payment
/// must have had a window. Money that was taken cannot be made never to have been taken.
pub(crate) async fn force_status(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    ControlJson(request): ControlJson<ForceStatusRequest>,
) -> Result<Json<Value>, PortoneError> {
    let now = simulators.config.clock.now();
    let kind = simulators.payments.change(&payment_id, |payment| {
        let captured = payment.is_captured();
        let attempt = payment.attempt.as_mut().ok_or(PortoneError::PaymentNotFound)?;
        let (state, kind) = match request.status {
            PaymentStatus::Paid | PaymentStatus::PartialCancelled | PaymentStatus::Cancelled => {
                if captured {
                    return Ok(None);
                }
                attempt.changed_at = now;
                attempt.capture(now);
                return Ok(Some(EventKind::Paid));
            }
            _ if captured => return Err(PortoneError::AlreadyPaid),
            PaymentStatus::Failed => {
                attempt.changed_at = now;
                attempt.decline();
                return Ok(Some(EventKind::Failed));
            }
            PaymentStatus::Ready => (
                AttemptState::Ready {
                    token: None,
                    on_confirm: OnConfirm::Pay,
                },
                EventKind::Ready,
            ),
            PaymentStatus::PayPending => (AttemptState::PayPending { pg_tx_id: pg_tx_id() }, EventKind::PayPending),
            PaymentStatus::VirtualAccountIssued => (
                AttemptState::VirtualAccountIssued { pg_tx_id: pg_tx_id() },
                EventKind::VirtualAccountIssued,
            ),
        };
        attempt.changed_at = now;
        attempt.state = state;
        Ok::<_, PortoneError>(Some(kind))
    })?;
    if let Some(kind) = kind.filter(|_| !request.skip_webhook) {
        simulators.announce(&kind, &payment_id).await;
    }
    let amount = match request.status {
        PaymentStatus::PartialCancelled => Some(Some(request.amount.unwrap_or(1))),
        PaymentStatus::Cancelled => Some(None),
        _ => None,
    };
    if let Some(amount) = amount {
        let refund = Refund {
            amount,
            reason: "cancelled in the console".to_owned(),
            ..Refund::default()
        };
        let announced = if request.skip_webhook {
            Announced::No
        } else {
            Announced::Yes
        };
        simulators
            .give_back(&payment_id, refund, Trigger::Console, announced)
            .await?;
    }
    let payment = simulators.payments.find(&payment_id);
    payment
        .and_then(|payment| payment_object(&simulators, &payment))
        .map(Json)
        .ok_or(PortoneError::PaymentNotFound)
}
