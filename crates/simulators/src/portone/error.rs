use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// PortOne's refusals: an HTTP status and a body `{type, message}`, with `pgCode` and `pgMessage` where the payment
/// gateway behind PortOne refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PortoneError {
    #[error("{0}")]
    InvalidRequest(String),
    #[error("the payment token is not the one of the payment's last window")]
    InvalidPaymentToken,
    #[error("the Authorization header carries no known secret")]
    Unauthorized,
    #[error("the secret is not of that store")]
    Forbidden,
    #[error("there is no such route")]
    NoSuchRoute,
    #[error("there is no such payment")]
    PaymentNotFound,
    #[error("there is no such identity verification")]
    IdentityVerificationNotFound,
    #[error("the payment is already paid")]
    AlreadyPaid,
    #[error("the payment is not paid")]
    PaymentNotPaid,
    #[error("the payment is cancelled already, in whole")]
    PaymentAlreadyCancelled,
    #[error("{cancellable} won can be cancelled, not the expected {expected}")]
    CancellableAmountConsistencyBroken { cancellable: i64, expected: i64 },
    #[error("more than the cancellable amount")]
    CancelAmountExceedsCancellableAmount,
    #[error("more than the cancellable taxed amount")]
    CancelTaxAmountExceedsCancellableTaxAmount,
    #[error("more than the cancellable tax-free amount")]
    CancelTaxFreeAmountExceedsCancellableTaxFreeAmount,
    #[error("tax-free amount and tax together exceed the amount to cancel")]
    SumOfPartsExceedsCancelAmount,
    #[error("{0} differs from the authorised payment")]
    InformationMismatch(&'static str),
    #[error("the request with this idempotency key is still running")]
    IdempotencyOutstandingRequest,
    #[error("there is no such webhook")]
    WebhookNotFound,
    #[error("the webhook has been sent too often")]
    MaxWebhookRetryCountReached,
    #[error("the payment gateway refused")]
    PgProvider { pg_code: String, pg_message: String },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    r#type: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pg_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pg_message: Option<String>,
}

impl PortoneError {
    /// The payment gateway's code and words.
    pub(crate) fn pg_provider((pg_code, pg_message): (&str, &str)) -> Self {
        Self::PgProvider {
            pg_code: pg_code.to_owned(),
            pg_message: pg_message.to_owned(),
        }
    }

    fn status_and_type(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
            Self::InvalidPaymentToken => (StatusCode::BAD_REQUEST, "INVALID_PAYMENT_TOKEN"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::NoSuchRoute => (StatusCode::NOT_FOUND, "INVALID_REQUEST"),
            Self::PaymentNotFound => (StatusCode::NOT_FOUND, "PAYMENT_NOT_FOUND"),
            Self::IdentityVerificationNotFound => (StatusCode::NOT_FOUND, "IDENTITY_VERIFICATION_NOT_FOUND"),
            Self::WebhookNotFound => (StatusCode::NOT_FOUND, "WEBHOOK_NOT_FOUND"),
            Self::MaxWebhookRetryCountReached => (StatusCode::BAD_REQUEST, "MAX_WEBHOOK_RETRY_COUNT_REACHED"),
            Self::AlreadyPaid => (StatusCode::CONFLICT, "ALREADY_PAID"),
            Self::PaymentNotPaid => (StatusCode::CONFLICT, "PAYMENT_NOT_PAID"),
            Self::PaymentAlreadyCancelled => (StatusCode::CONFLICT, "PAYMENT_ALREADY_CANCELLED"),
            Self::CancellableAmountConsistencyBroken { .. } => {
                (StatusCode::CONFLICT, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")
            }
            Self::CancelAmountExceedsCancellableAmount => {
                (StatusCode::CONFLICT, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
            }
            Self::CancelTaxAmountExceedsCancellableTaxAmount => {
                (StatusCode::CONFLICT, "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT")
            }
            Self::CancelTaxFreeAmountExceedsCancellableTaxFreeAmount => (
                StatusCode::CONFLICT,
                "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
            ),
            Self::SumOfPartsExceedsCancelAmount => (StatusCode::CONFLICT, "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT"),
            Self::InformationMismatch(_) => (StatusCode::CONFLICT, "INFORMATION_MISMATCH"),
            Self::IdempotencyOutstandingRequest => (StatusCode::CONFLICT, "IDEMPOTENCY_OUTSTANDING_REQUEST"),
            Self::PgProvider { .. } => (StatusCode::BAD_GATEWAY, "PG_PROVIDER"),
        }
    }
}

impl IntoResponse for PortoneError {
    fn into_response(self) -> Response {
        let (status, r#type) = self.status_and_type();
        let message = self.to_string();
        let (pg_code, pg_message) = match self {
            Self::PgProvider { pg_code, pg_message } => (Some(pg_code), Some(pg_message)),
            _ => (None, None),
        };
        (
            status,
            Json(Body {
                r#type,
                message,
                pg_code,
                pg_message,
            }),
        )
            .into_response()
    }
}
