use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PortoneError;
use super::payment::{Attempt, AttemptState, Customer, OnConfirm, Payment};
use super::webhooks::EventKind;
use crate::control::ControlJson;
use crate::state::Simulators;

/// What the front end would hand to PortOne's browser SDK (a `checkout` object fits in whole), and what the buyer then
/// does. Everything but the outcome may be left out; what is there is checked as the SDK would.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WindowRequest {
    outcome: Outcome,
    payment_id: Option<String>,
    store_id: Option<String>,
    channel_key: Option<String>,
    /// Differs from the pre-registered amount when the browser was tampered with.
    total_amount: Option<i64>,
    currency: Option<String>,
    pay_method: Option<String>,
    order_name: Option<String>,
    #[serde(default)]
    customer: Customer,
    custom_data: Option<String>,
    #[serde(rename = "redirectUrl")]
    _redirect_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Outcome {
    /// Authorises; the confirm will succeed.
    Pay,
    /// Is refused in the window. The same payment may be tried again.
    Fail,
    /// Closes the window. The payment stays READY.
    Abandon,
    /// Authorises, but the bank will decline the confirm.
    PayDeclinedOnConfirm,
    /// Authorises, but the first confirm finds the payment gateway out of order. The payment stays READY.
    PayStumblesOnConfirm,
    /// Authorises, but the payment gateway does not say what came of the confirm. The payment is PAY_PENDING.
    PayPendingOnConfirm,
}

/// What the browser SDK resolves to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WindowReply {
    transaction_type: &'static str,
    payment_id: String,
    tx_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_token: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    failure: Option<WindowFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WindowFailure {
    code: &'static str,
    message: &'static str,
    pg_code: &'static str,
    pg_message: &'static str,
}

/// The window did not even open. `code` is the browser SDK's.
#[derive(Debug)]
pub(crate) struct WindowRefused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl WindowRefused {
    fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
        }
    }
}

impl From<PortoneError> for WindowRefused {
    fn from(error: PortoneError) -> Self {
        let code = if error == PortoneError::PaymentNotFound {
            "PaymentNotFound"
        } else {
            "UnknownError"
        };
        Self {
            status: StatusCode::NOT_FOUND,
            code,
            message: error.to_string(),
        }
    }
}

impl IntoResponse for WindowRefused {
    fn into_response(self) -> Response {
        (
            self.status,
            Json(serde_json::json!({ "code": self.code, "message": self.message })),
        )
            .into_response()
    }
}

/// `POST /control/portone/payments/{paymentId}/window`: the buyer in front of PortOne's window.
pub(crate) async fn open_window(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    ControlJson(request): ControlJson<WindowRequest>,
) -> Result<Json<WindowReply>, WindowRefused> {
    check_checkout(&simulators, &payment_id, &request)?;
    let now = simulators.config.clock.now();
    let outcome = request.outcome;
    let reply = simulators
        .payments
        .change(&payment_id, |payment| open(payment, request, now))?;

    // PortOne announces the opened window as well as what became of it.
    simulators.announce(&EventKind::Ready, &payment_id).await;
    if outcome == Outcome::Fail {
        simulators.announce(&EventKind::Failed, &payment_id).await;
    }
    Ok(Json(reply))
}

fn check_checkout(simulators: &Simulators, payment_id: &str, request: &WindowRequest) -> Result<(), WindowRefused> {
    let bad = |code, message| Err(WindowRefused::new(StatusCode::BAD_REQUEST, code, message));
    if request.payment_id.as_deref().is_some_and(|id| id != payment_id) {
        return bad("RequestParseFailed", "paymentId differs from the path");
    }
    if request
        .store_id
        .as_deref()
        .is_some_and(|id| id != simulators.config.portone_store_id)
    {
        return bad("StoreNotFound", "there is no such store");
    }
    if request
        .channel_key
        .as_deref()
        .is_some_and(|key| key != simulators.config.portone_channel_key_card)
    {
        return bad("ChannelNotFound", "there is no such channel");
    }
    if request.pay_method.as_deref().is_some_and(|method| method != "CARD") {
        return bad("RequestParseFailed", "the channel takes cards only");
    }
    Ok(())
}

fn open(payment: &mut Payment, request: WindowRequest, now: DateTime<Utc>) -> Result<WindowReply, WindowRefused> {
    let (total, currency) = agreed_amount(payment, &request)?;
    let (state, failure) = request.outcome.leads_to();
    let payment_token = match &state {
        AttemptState::Ready { token, .. } => token.clone(),
        _ => None,
    };
    let transaction_id = Uuid::new_v4().to_string();
    payment.attempt = Some(Attempt {
        transaction_id: transaction_id.clone(),
        total,
        tax_free: payment.predefined.tax_free.unwrap_or(0),
        currency,
        order_name: request
            .order_name
            .unwrap_or_else(|| "an order without a name".to_owned()),
        customer: request.customer,
        custom_data: request.custom_data,
        requested_at: now,
        changed_at: now,
        state,
    });
    Ok(WindowReply {
        transaction_type: "PAYMENT",
        payment_id: payment.id.clone(),
        tx_id: transaction_id,
        payment_token,
        failure,
    })
}

/// What the buyer is asked to pay: the browser's word, as long as it is also the server's.
fn agreed_amount(payment: &Payment, request: &WindowRequest) -> Result<(i64, String), WindowRefused> {
    let refuse = |status, code, message| Err(WindowRefused::new(status, code, message));
    if payment.is_captured() {
        return refuse(
            StatusCode::CONFLICT,
            "PaymentAlreadyPaid",
            "the payment is already paid",
        );
    }
    let predefined = &payment.predefined;
    let Some(total) = request.total_amount.or(predefined.total).filter(|total| *total > 0) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "RequestParseFailed",
            "there is no amount to pay",
        );
    };
    // The SDK takes both `KRW` and `CURRENCY_KRW`.
    let asked = request
        .currency
        .as_deref()
        .map(|asked| asked.strip_prefix("CURRENCY_").unwrap_or(asked));
    let currency = asked.or(predefined.currency.as_deref()).unwrap_or("KRW");

    if predefined.total.is_some_and(|known| known != total)
        || predefined.currency.as_deref().is_some_and(|known| known != currency)
    {
        return refuse(
            StatusCode::BAD_REQUEST,
            "AmountNotEqualToPredefined",
            "the browser asks for another amount than was pre-registered",
        );
    }
    Ok((total, currency.to_owned()))
}

impl Outcome {
    fn leads_to(self) -> (AttemptState, Option<WindowFailure>) {
        let token = || Some(format!("sim-payment-token-{}", Uuid::new_v4().simple()));
        let ready = |token, on_confirm| (AttemptState::Ready { token, on_confirm }, None);
        match self {
            Self::Pay => ready(token(), OnConfirm::Pay),
            Self::PayDeclinedOnConfirm => ready(token(), OnConfirm::Decline),
            Self::PayStumblesOnConfirm => ready(token(), OnConfirm::Stumble),
            Self::PayPendingOnConfirm => ready(token(), OnConfirm::Ponder),
            Self::Abandon => ready(None, OnConfirm::Pay),
            Self::Fail => {
                let failure = WindowFailure {
                    code: "PGProviderError",
                    message: "the payment gateway refused",
                    pg_code: "INVALID_CARD",
                    pg_message: "the card cannot be used",
                };
                let state = AttemptState::Failed {
                    reason: failure.message.to_owned(),
                    pg_code: failure.pg_code.to_owned(),
                    pg_message: failure.pg_message.to_owned(),
                };
                (state, Some(failure))
            }
        }
    }
}
