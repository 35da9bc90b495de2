use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::PortoneError;
use super::authorization::demand_store;
use super::json::PortoneJson;
use super::payment::{Payment, Predefined};
use crate::state::Simulators;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PreRegisterRequest {
    store_id: Option<String>,
    total_amount: Option<i64>,
    tax_free_amount: Option<i64>,
    currency: Option<String>,
}

/// `POST /payments/{paymentId}/pre-register`: a later browser that asks for another amount is refused. Saying it again
/// replaces what was said (PortOne does not document this).
pub(crate) async fn pre_register(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    PortoneJson(request): PortoneJson<PreRegisterRequest>,
) -> Result<Json<Value>, PortoneError> {
    demand_store(&simulators, request.store_id.as_deref())?;
    if request.total_amount.is_some_and(|total| total <= 0)
        || request.tax_free_amount.is_some_and(|tax_free| tax_free < 0)
        || request.tax_free_amount > request.total_amount
    {
        return Err(PortoneError::InvalidRequest("the amounts make no payment".to_owned()));
    }
    let predefined = Predefined {
        total: request.total_amount,
        tax_free: request.tax_free_amount,
        currency: request.currency,
    };

    simulators.payments.change_or_insert(
        &payment_id,
        || Payment::pre_registered(payment_id.clone(), predefined.clone()),
        |payment| {
            if payment.is_captured() {
                return Err(PortoneError::AlreadyPaid);
            }
            payment.predefined = predefined.clone();
            Ok(())
        },
    )?;
    Ok(Json(json!({})))
}
