use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::PortoneError;
use super::authorization::demand_store;
use super::json::PortoneJson;
use super::payment::{Confirmation, Confirmed, OUT_OF_ORDER, PaymentStatus};
use super::webhooks::EventKind;
use crate::faults::Quirks;
use crate::state::Simulators;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConfirmRequest {
    payment_token: String,
    store_id: Option<String>,
    tx_id: Option<String>,
    currency: Option<String>,
    total_amount: Option<i64>,
    tax_free_amount: Option<i64>,
    is_test: Option<bool>,
    #[serde(default)]
    skip_webhook: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfirmReply {
    pg_tx_id: String,
    paid_at: DateTime<Utc>,
}

/// `POST /payments/{paymentId}/confirm`: the manual approval, which is what charges the buyer. Of the facts in the body
/// only the token is required; the others are compared if they are there.
pub(crate) async fn confirm(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    Extension(quirks): Extension<Quirks>,
    PortoneJson(request): PortoneJson<ConfirmRequest>,
) -> Result<Json<ConfirmReply>, PortoneError> {
    demand_store(&simulators, request.store_id.as_deref())?;
    if quirks.gateway_error {
        return Err(PortoneError::pg_provider(OUT_OF_ORDER));
    }
    let now = simulators.config.clock.now();
    let asked = Confirmation {
        token: &request.payment_token,
        transaction_id: request.tx_id.as_deref(),
        total: request.total_amount,
        tax_free: request.tax_free_amount,
        currency: request.currency.as_deref(),
        is_test: request.is_test,
    };
    let confirmed = simulators
        .payments
        .change(&payment_id, |payment| payment.confirm(&asked, now))?;

    let kind = match &confirmed {
        Confirmed::Paid { .. } => Some(EventKind::Paid),
        Confirmed::Refused { became, .. } => match became {
            PaymentStatus::Failed => Some(EventKind::Failed),
            PaymentStatus::PayPending => Some(EventKind::PayPending),
            _ => None,
        },
    };
    if let Some(kind) = kind.filter(|_| !request.skip_webhook) {
        simulators.announce(&kind, &payment_id).await;
    }
    match confirmed {
        Confirmed::Paid { pg_tx_id, paid_at } => Ok(Json(ConfirmReply { pg_tx_id, paid_at })),
        Confirmed::Refused {
            pg_code, pg_message, ..
        } => Err(PortoneError::PgProvider { pg_code, pg_message }),
    }
}
