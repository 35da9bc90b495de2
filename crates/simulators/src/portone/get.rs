use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::PortoneError;
use super::authorization::demand_store;
use super::payment::{AttemptState, Payment, vat_of};
use crate::state::Simulators;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetQuery {
    store_id: Option<String>,
}

/// `GET /payments/{paymentId}`. A payment whose window has never been opened is not found.
pub(crate) async fn get_payment(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    Query(query): Query<GetQuery>,
) -> Result<Json<Value>, PortoneError> {
    demand_store(&simulators, query.store_id.as_deref())?;
    let payment = simulators
        .payments
        .find(&payment_id)
        .ok_or(PortoneError::PaymentNotFound)?;
    payment_object(&simulators, &payment)
        .map(Json)
        .ok_or(PortoneError::PaymentNotFound)
}

/// The payment in the shape PortOne gives it: a core that is always there, and members that depend on the status.
pub(crate) fn payment_object(simulators: &Simulators, payment: &Payment) -> Option<Value> {
    let attempt = payment.attempt.as_ref()?;
    let taxed = attempt.total - attempt.tax_free;
    let mut object = json!({
        "status": payment.status()?,
        "id": payment.id,
        "transactionId": attempt.transaction_id,
        "merchantId": "merchant-00000000-0000-4000-8000-000000000003",
        "storeId": simulators.config.portone_store_id,
        "version": "V2",
        "orderName": attempt.order_name,
        "customer": attempt.customer,
        "amount": {
            "total": attempt.total,
            "taxFree": attempt.tax_free,
            "vat": vat_of(taxed),
            "supply": taxed - vat_of(taxed),
            "discount": 0,
            "paid": if payment.is_captured() { attempt.total } else { 0 },
            "cancelled": payment.cancelled(),
            "cancelledTaxFree": payment.cancelled_tax_free(),
        },
        "currency": attempt.currency,
        "origin": { "platformType": "PC", "ipAddress": "127.0.0.1", "userAgent": "simulated window" },
        "requestedAt": attempt.requested_at,
        "updatedAt": attempt.changed_at,
        "statusChangedAt": attempt.changed_at,
    });
    if let Some(custom_data) = &attempt.custom_data {
        object["customData"] = json!(custom_data);
    }
    match &attempt.state {
        AttemptState::Ready { .. } => {}
        AttemptState::PayPending { pg_tx_id } => {
            object["channel"] = channel(simulators);
            object["pgTxId"] = json!(pg_tx_id);
        }
        AttemptState::VirtualAccountIssued { pg_tx_id } => {
            object["channel"] = channel(simulators);
            object["pgTxId"] = json!(pg_tx_id);
            object["method"] = json!({
                "type": "PaymentMethodVirtualAccount",
                "bank": "KOOKMIN",
                "accountNumber": "00000000000000",
                "issuedAt": attempt.changed_at,
            });
        }
        AttemptState::Failed {
            reason,
            pg_code,
            pg_message,
        } => {
            object["failedAt"] = json!(attempt.changed_at);
            object["failure"] = json!({ "reason": reason, "pgCode": pg_code, "pgMessage": pg_message });
        }
        AttemptState::Paid {
            pg_tx_id,
            approval_number,
            paid_at,
        } => {
            object["channel"] = channel(simulators);
            object["method"] = card(approval_number);
            object["paidAt"] = json!(paid_at);
            object["pgTxId"] = json!(pg_tx_id);
            object["disputes"] = json!([]);
            object["receiptUrl"] = json!(format!("https://receipts.example/{pg_tx_id}"));
        }
    }
    if !payment.cancellations.is_empty() {
        object["cancellations"] = json!(payment.cancellations);
    }
    let last = payment.cancellations.iter().filter_map(|one| one.cancelled_at).max();
    if let Some(cancelled_at) = last {
        object["cancelledAt"] = json!(cancelled_at);
    }
    let webhooks = simulators.webhooks.log.of_payment(&payment.id);
    if !webhooks.is_empty() {
        object["webhooks"] = json!(webhooks);
    }
    Some(object)
}

fn channel(simulators: &Simulators) -> Value {
    json!({
        "type": "TEST",
        "id": "channel-id-00000000-0000-4000-8000-000000000004",
        "key": simulators.config.portone_channel_key_card,
        "name": "simulated card channel",
        "pgProvider": "TOSSPAYMENTS",
        "pgMerchantId": "simulated",
    })
}

fn card(approval_number: &str) -> Value {
    json!({
        "type": "PaymentMethodCard",
        "card": {
            "publisher": "SHINHAN_CARD",
            "issuer": "SHINHAN_CARD",
            "brand": "LOCAL",
            "type": "CREDIT",
            "ownerType": "PERSONAL",
            "bin": "12345678",
            "name": "Simulated credit card",
            "number": "12345678****1234",
        },
        "approvalNumber": approval_number,
        "installment": { "month": 0, "isInterestFree": false },
        "pointUsed": false,
    })
}
