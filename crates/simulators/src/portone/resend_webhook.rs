use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::PortoneError;
use super::authorization::demand_store;
use super::json::PortoneJson;
use crate::faults::SignWith;
use crate::state::Simulators;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResendRequest {
    store_id: Option<String>,
    webhook_id: Option<String>,
}

/// `POST /payments/{paymentId}/resend-webhook`: posts a webhook of the payment, the latest unless one is named, once more
/// under its id, and answers with what came of it.
pub(crate) async fn resend_webhook(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    PortoneJson(request): PortoneJson<ResendRequest>,
) -> Result<Json<Value>, PortoneError> {
    demand_store(&simulators, request.store_id.as_deref())?;
    let known = simulators.payments.find(&payment_id);
    known
        .filter(|payment| payment.attempt.is_some())
        .ok_or(PortoneError::PaymentNotFound)?;
    let webhooks = &simulators.webhooks;
    let entry = webhooks
        .log
        .find(&payment_id, request.webhook_id.as_deref())
        .ok_or(PortoneError::WebhookNotFound)?;
    if !entry.may_be_resent() {
        return Err(PortoneError::MaxWebhookRetryCountReached);
    }
    let timestamp = simulators.config.clock.now().timestamp();
    let answered = webhooks
        .post
        .send(&entry.id, timestamp, &entry.body, SignWith::All)
        .await;
    webhooks
        .log
        .note_resent(&payment_id, &entry.id, answered)
        .map(|webhook| Json(json!({ "webhook": webhook })))
        .ok_or(PortoneError::WebhookNotFound)
}
