use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::PortoneError;
use super::authorization::demand_store;
use super::get::payment_object;
use super::payment::PaymentStatus;
use crate::state::Simulators;

const SIZE: usize = 10;
const MAX_SIZE: usize = 1000;

/// PortOne takes the body of a GET in this parameter, too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListQuery {
    request_body: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct ListRequest {
    page: PageRequest,
    filter: Filter,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct PageRequest {
    number: usize,
    size: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    store_id: Option<String>,
    payment_id: Option<String>,
    status: Vec<FilterStatus>,
}

/// The filter's words are the object's but for one: what the object calls PAY_PENDING is PENDING here.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterStatus {
    Ready,
    Pending,
    VirtualAccountIssued,
    Paid,
    Failed,
    PartialCancelled,
    Cancelled,
}

impl From<PaymentStatus> for FilterStatus {
    fn from(status: PaymentStatus) -> Self {
        match status {
            PaymentStatus::Ready => Self::Ready,
            PaymentStatus::PayPending => Self::Pending,
            PaymentStatus::VirtualAccountIssued => Self::VirtualAccountIssued,
            PaymentStatus::Paid => Self::Paid,
            PaymentStatus::Failed => Self::Failed,
            PaymentStatus::PartialCancelled => Self::PartialCancelled,
            PaymentStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// `GET /payments`: a page, newest first. Of PortOne's filters only these three are here.
pub(crate) async fn list_payments(
    State(simulators): State<Arc<Simulators>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, PortoneError> {
    let request: ListRequest = serde_json::from_str(query.request_body.as_deref().unwrap_or("{}"))
        .map_err(|error| PortoneError::InvalidRequest(error.to_string()))?;
    let ListRequest { page, filter } = request;
    demand_store(&simulators, filter.store_id.as_deref())?;
    let size = page.size.unwrap_or(SIZE);
    if !(1..=MAX_SIZE).contains(&size) {
        return Err(PortoneError::InvalidRequest(
            "page.size is not between 1 and 1000".to_owned(),
        ));
    }
    let mut found: Vec<_> = simulators
        .payments
        .all()
        .into_iter()
        .filter_map(|payment| payment.status().map(|status| (payment, FilterStatus::from(status))))
        .filter(|(_, status)| filter.status.is_empty() || filter.status.contains(status))
        .map(|(payment, _)| payment)
        .filter(|payment| filter.payment_id.as_ref().is_none_or(|id| *id == payment.id))
        .collect();
    found.sort_by_key(|payment| Reverse(payment.attempt.as_ref().map(|attempt| attempt.requested_at)));
    let items: Vec<Value> = found
        .iter()
        .skip(page.number.saturating_mul(size))
        .take(size)
        .filter_map(|payment| payment_object(&simulators, payment))
        .collect();
    Ok(Json(json!({
        "items": items,
        "page": { "number": page.number, "size": size, "totalCount": found.len() },
    })))
}
