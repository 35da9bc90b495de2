use axum::extract::State;
use common::{
    crash,
    extract::{Json, header_text},
    identity::User,
    problem::{ApiResult, Code, Problem},
    traces,
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    checkout::Checkout,
    payment_reply::PaymentReply,
    problems::{BadBody, CreateRefusals, Failures, Missing, Unauthenticated},
};
use crate::{
    begin::{self, Begun},
    db,
    domain::{Payment, PaymentStatus},
    portone::PortoneError,
    state::AppState,
};

const QUEUE_TOKEN_HEADER: &str = "x-queue-token";
const QUEUE_TOKEN_PREFIX: &str = "qp_";
const MAX_QUEUE_TOKEN_CHARS: usize = 128;

/// What is to be paid, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreatePayment {
    pub(crate) reservation_id: Uuid,
    /// Made by the client; the same key again gives the same payment.
    pub(crate) payment_key: Uuid,
    pub(crate) payment_method: PaymentMethod,
    /// Won. If given it must be the reservation's total; what is charged is the total in any case.
    pub(crate) amount: Option<i64>,
}

/// How to pay.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum PaymentMethod {
    /// By card.
    Card,
}

impl PaymentMethod {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "CARD",
        }
    }
}

/// A payment with what its window needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedPayment {
    #[serde(flatten)]
    payment: PaymentReply,
    /// Only while the payment can be confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout: Option<Checkout>,
}

/// Begins a payment.
///
/// A new key for the same reservation supersedes a payment that was not confirmed.
#[utoipa::path(
    post,
    path = "/payments",
    tag = "payments",
    params(("X-Queue-Token" = String, Header, description = "The payment token of the reservation, `qp_…`")),
    request_body = CreatePayment,
    responses(
        (status = 200, description = "The payment of this key, begun before", body = CreatedPayment),
        (status = 201, description = "The new payment", body = CreatedPayment),
        BadBody,
        CreateRefusals,
        Missing,
        Unauthenticated,
        Failures,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create_payment(
    State(state): State<AppState>,
    user: User,
    headers: HeaderMap,
    Json(request): Json<CreatePayment>,
) -> ApiResult<(StatusCode, Json<CreatedPayment>)> {
    let created = match queue_token(&headers) {
        Ok(token) => create(&state, user, token, &request).await,
        Err(problem) => Err(problem),
    };
    created.map_err(|problem| problem.member("charged", false))
}

async fn create(
    state: &AppState,
    user: User,
    queue_token: &str,
    request: &CreatePayment,
) -> ApiResult<(StatusCode, Json<CreatedPayment>)> {
    let begun = match begin::existing(state, user.id, request).await? {
        Some(payment) => Begun::Before(payment),
        None => begin::begin(state, user.id, queue_token, request).await?,
    };
    let (status, payment) = match begun {
        Begun::Now(payment) => {
            crash::point("payment.create.committed");
            (StatusCode::CREATED, payment)
        }
        Begun::Before(payment) => (StatusCode::OK, payment),
    };
    traces::note("payment.id", || payment.id.to_string());
    traces::note("reservation.id", || payment.reservation_id.to_string());
    if payment.status == PaymentStatus::Pending && payment.registered_at.is_none() {
        register(state, &payment).await?;
    }
    let mut connection = state.db.acquire().await?;
    let reply = PaymentReply::read(&mut connection, user.id, payment.id).await?;
    let checkout = (reply.status == PaymentStatus::Pending && payment.confirm_started_at.is_none())
        .then(|| Checkout::new(state, &payment));
    Ok((
        status,
        Json(CreatedPayment {
            payment: reply,
            checkout,
        }),
    ))
}

fn queue_token(headers: &HeaderMap) -> ApiResult<&str> {
    if !headers.contains_key(QUEUE_TOKEN_HEADER) {
        return Err(Problem::new(Code::QueueTokenRequired));
    }
    header_text(headers, QUEUE_TOKEN_HEADER)
        .filter(|token| token.starts_with(QUEUE_TOKEN_PREFIX) && token.len() <= MAX_QUEUE_TOKEN_CHARS)
        .ok_or_else(|| Problem::new(Code::QueueTokenInvalid))
}

/// Tells PortOne the amount. Until it has acknowledged that, the buyer gets no checkout: the same request again comes here
/// again.
async fn register(state: &AppState, payment: &Payment) -> ApiResult<()> {
    state.portone.pre_register(payment.id, payment.amount).await.map_err(|error| match error {
        PortoneError::CircuitOpen { retry_after } => Problem::new(Code::ServiceUnavailable).retry_after(retry_after),
        PortoneError::Unreachable { .. } | PortoneError::NoAnswer { .. } => Problem::unavailable("portone", &error),
        PortoneError::Refused { .. } => {
            tracing::error!(payment.id = %payment.id, error.message = %error, "PortOne refuses to register a payment");
            Problem::new(Code::UpstreamFailed)
        }
    })?;
    crash::point("payment.create.registered");
    let mut connection = state.db.acquire().await?;
    Ok(db::payments::mark_registered(&mut connection, payment.id).await?)
}
