use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use super::PortoneError;
use super::authorization::demand_store;
use super::json::PortoneJson;
use super::payment::{Cancellation, Refund, Trigger};
use super::webhooks::EventKind;
use crate::state::Simulators;

/// Fields that mean nothing for a card payment without promotions are known, so that they are not refused, and unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CancelRequest {
    reason: String,
    store_id: Option<String>,
    amount: Option<i64>,
    tax_free_amount: Option<i64>,
    vat_amount: Option<i64>,
    current_cancellable_amount: Option<i64>,
    #[serde(rename = "requester")]
    _requester: Option<Requester>,
    #[serde(rename = "promotionDiscountRetainOption")]
    _promotion_discount_retain_option: Option<serde_json::Value>,
    #[serde(rename = "refundAccount")]
    _refund_account: Option<serde_json::Value>,
    #[serde(rename = "refundEmail")]
    _refund_email: Option<String>,
    #[serde(default)]
    skip_webhook: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Requester {
    Customer,
    Admin,
}

#[derive(Serialize)]
pub(crate) struct CancelReply {
    cancellation: Cancellation,
}

/// `POST /payments/{paymentId}/cancel`: gives back `amount`, or everything that is left.
pub(crate) async fn cancel(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    PortoneJson(request): PortoneJson<CancelRequest>,
) -> Result<Json<CancelReply>, PortoneError> {
    demand_store(&simulators, request.store_id.as_deref())?;
    if request.reason.trim().is_empty() {
        return Err(PortoneError::InvalidRequest("reason is empty".to_owned()));
    }
    let refund = Refund {
        amount: request.amount,
        tax_free: request.tax_free_amount,
        vat: request.vat_amount,
        expected_cancellable: request.current_cancellable_amount,
        reason: request.reason,
    };
    let announced = if request.skip_webhook {
        Announced::No
    } else {
        Announced::Yes
    };
    simulators
        .give_back(&payment_id, refund, Trigger::Api, announced)
        .map(Json)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    Yes,
    No,
}

impl Simulators {
    /// Cancels on behalf of the API or of somebody in the console.
    pub(crate) fn give_back(
        &self,
        payment_id: &str,
        refund: Refund,
        trigger: Trigger,
        announced: Announced,
    ) -> Result<CancelReply, PortoneError> {
        let now = self.config.clock.now();
        let cancellation = self
            .payments
            .change(payment_id, |payment| payment.cancel(refund, trigger, now))?;
        if announced == Announced::Yes {
            self.announce(
                &EventKind::Cancelled {
                    cancellation_id: cancellation.id.clone(),
                },
                payment_id,
            );
        }
        Ok(CancelReply { cancellation })
    }
}
