use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::PortoneError;
use super::authorization::demand_store;
use super::cancellation::{Cancellation, CancellationStatus, Pace, Refund, Settled, Trigger, Unsettled};
use super::json::PortoneJson;
use super::payment::OUT_OF_ORDER;
use super::webhooks::EventKind;
use crate::faults::Quirks;
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

/// `POST /payments/{paymentId}/cancel`: gives back `amount`, or everything that is left; at once, or REQUESTED and later.
pub(crate) async fn cancel(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    Extension(quirks): Extension<Quirks>,
    PortoneJson(request): PortoneJson<CancelRequest>,
) -> Result<Json<CancelReply>, PortoneError> {
    demand_store(&simulators, request.store_id.as_deref())?;
    if request.reason.trim().is_empty() {
        return Err(PortoneError::InvalidRequest("reason is empty".to_owned()));
    }
    if quirks.gateway_error {
        return Err(PortoneError::pg_provider(OUT_OF_ORDER));
    }
    let outcome = if quirks.requested_fails {
        Settled::Failed
    } else {
        Settled::Succeeded
    };
    let refund = Refund {
        amount: request.amount,
        tax_free: request.tax_free_amount,
        vat: request.vat_amount,
        expected_cancellable: request.current_cancellable_amount,
        reason: request.reason,
        pace: if quirks.requested {
            Pace::Later(quirks.requested_for, outcome)
        } else {
            Pace::AtOnce
        },
    };
    let announced = if request.skip_webhook {
        Announced::No
    } else {
        Announced::Yes
    };
    simulators
        .give_back(&payment_id, refund, Trigger::Api, announced)
        .await
        .map(Json)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    Yes,
    No,
}

impl Simulators {
    /// Cancels on behalf of the API or of somebody in the console.
    pub(crate) async fn give_back(
        self: &Arc<Self>,
        payment_id: &str,
        refund: Refund,
        trigger: Trigger,
        announced: Announced,
    ) -> Result<CancelReply, PortoneError> {
        let now = self.config.clock.now();
        let (cancellation, unsettled) = self.payments.change(payment_id, |payment| {
            let cancellation = payment.cancel(refund, trigger, now)?;
            let pending = cancellation.status == CancellationStatus::Requested;
            let unsettled = payment.unsettled.last().filter(|_| pending).cloned();
            Ok::<_, PortoneError>((cancellation, unsettled))
        })?;
        let cancellation_id = cancellation.id.clone();
        let kind = match unsettled {
            Some(unsettled) => {
                self.settle_in_time(payment_id, unsettled);
                EventKind::CancelPending { cancellation_id }
            }
            None => EventKind::Cancelled { cancellation_id },
        };
        if announced == Announced::Yes {
            self.announce(&kind, payment_id).await;
        }
        Ok(CancelReply { cancellation })
    }

    /// Lets a REQUESTED cancellation end when its time has come. What has ended before, by hand, stays as it is.
    pub(crate) fn settle_in_time(self: &Arc<Self>, payment_id: &str, unsettled: Unsettled) {
        let (simulators, payment_id) = (Arc::clone(self), payment_id.to_owned());
        let wait = (unsettled.settles_at - self.config.clock.now())
            .to_std()
            .unwrap_or_default();
        drop(self.detached.spawn(async move {
            tokio::time::sleep(wait).await;
            // Without its payment, which is never removed, there is nothing to settle.
            let _ = simulators.settle(&payment_id, &unsettled.cancellation_id, None).await;
        }));
    }

    /// Ends a REQUESTED cancellation, as was planned or as `outcome` says. PortOne has no webhook for a failed one.
    pub(crate) async fn settle(
        &self,
        payment_id: &str,
        cancellation_id: &str,
        outcome: Option<Settled>,
    ) -> Result<Option<Settled>, PortoneError> {
        let now = self.config.clock.now();
        let settled = self.payments.change(payment_id, |payment| {
            Ok::<_, PortoneError>(payment.settle(cancellation_id, outcome, now))
        })?;
        if settled == Some(Settled::Succeeded) {
            let cancellation_id = cancellation_id.to_owned();
            self.announce(&EventKind::Cancelled { cancellation_id }, payment_id)
                .await;
        }
        Ok(settled)
    }
}
