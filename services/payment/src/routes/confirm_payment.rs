use axum::extract::State;
use common::{
    extract::Json,
    identity::User,
    problem::{ApiResult, Code, Problem},
    traces,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    payment_reply::PaymentReply,
    problems::{BadBody, ConfirmRefusals, Failures, Missing, Unauthenticated},
};
use crate::{
    confirm::{self, Outcome},
    db,
    domain::{Payment, PaymentStatus},
    state::AppState,
};

/// PortOne does not say how long a token may be; this is far more than any seen.
const MAX_PAYMENT_TOKEN_CHARS: usize = 2048;

/// Which payment, and what the window gave the buyer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConfirmPayment {
    payment_key: Uuid,
    /// From PortOne's browser SDK.
    #[schema(min_length = 1, max_length = 2048)]
    payment_token: String,
}

/// Charges the buyer.
///
/// It may be repeated: a payment is charged at most once.
#[utoipa::path(
    post,
    path = "/payments/confirm",
    tag = "payments",
    request_body = ConfirmPayment,
    responses(
        (status = 200, description = "Paid, now or before", body = PaymentReply),
        (status = 202, description = "The outcome is not known yet and will be found out", body = PaymentReply),
        BadBody,
        ConfirmRefusals,
        Missing,
        Unauthenticated,
        Failures,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn confirm_payment(
    State(state): State<AppState>,
    user: User,
    Json(request): Json<ConfirmPayment>,
) -> ApiResult<(StatusCode, Json<PaymentReply>)> {
    let length = request.payment_token.chars().count();
    if !(1..=MAX_PAYMENT_TOKEN_CHARS).contains(&length) {
        return Err(Problem::invalid("paymentToken", "must have 1 to 2048 characters"));
    }
    let (payment, before) = find(&state, user, request.payment_key).await?;
    let id = payment.id;
    traces::note("payment.id", || id.to_string());
    traces::note("reservation.id", || payment.reservation_id.to_string());
    let outcome = Box::pin(confirm::run(state.clone(), payment, request.payment_token)).await?;
    let Ok(reply) = read(&state, user, id).await else {
        // The reason is logged. An error would say that nothing came of it, and money may have moved.
        tracing::warn!(payment.id = %id, "a payment cannot be read after its confirm");
        return Ok((StatusCode::ACCEPTED, Json(before)));
    };
    let status = match (outcome, reply.status) {
        (Outcome::Succeeded, _) | (_, PaymentStatus::Success) => StatusCode::OK,
        (Outcome::Unknown, _) => StatusCode::ACCEPTED,
    };
    Ok((status, Json(reply)))
}

async fn read(state: &AppState, user: User, payment: Uuid) -> ApiResult<PaymentReply> {
    let mut connection = state.db.acquire().await?;
    PaymentReply::read(&mut connection, user.id, payment).await
}

/// The payment, as a row and as its owner sees it.
async fn find(state: &AppState, user: User, key: Uuid) -> ApiResult<(Payment, PaymentReply)> {
    let mut connection = state.db.acquire().await?;
    let payment = db::payments::find_by_key(&mut connection, key)
        .await?
        .filter(|payment| payment.user_id == user.id)
        .ok_or_else(|| {
            Problem::new(Code::NotFound)
                .detail("There is no such payment.")
                .member("charged", false)
        })?;
    if payment.status == PaymentStatus::Pending && payment.registered_at.is_none() {
        // The buyer cannot have seen a window for it: the checkout is only given out once PortOne knows the amount.
        return Err(Problem::new(Code::PaymentNotPending)
            .detail("The payment was not begun completely. Begin it again with the same key.")
            .member("charged", false));
    }
    let reply = PaymentReply::read(&mut connection, user.id, payment.id).await?;
    Ok((payment, reply))
}
