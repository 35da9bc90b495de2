use crate::state::AppState;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use common::{crash, extract::Json, problem::ApiResult};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The reservation to pay for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewPaymentToken {
    user_id: Uuid,
    event_id: Uuid,
    reservation_id: Uuid,
    /// The hold's end: the buyer's place must outlast it, so that a declined card can be followed by another choice.
    hold_expires_at: Option<DateTime<Utc>>,
}

/// The token.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssuedPaymentToken {
    payment_token: String,
    expires_at: DateTime<Utc>,
}

/// Issues a payment token, any number of times: whether the reservation can still be paid for is its owner's to judge.
///
/// Who dies, or loses Redis, after a step leaves a place that lasts longer, or a token that nobody was told; the hold stands
/// without one, and its owner asks again.
pub(crate) async fn issue_payment_token(
    State(state): State<AppState>,
    Json(request): Json<NewPaymentToken>,
) -> ApiResult<(StatusCode, Json<IssuedPaymentToken>)> {
    let NewPaymentToken {
        user_id,
        event_id,
        reservation_id,
        hold_expires_at,
    } = request;
    if let Some(hold_end) = hold_expires_at {
        let margin = TimeDelta::from_std(state.limits.hold_margin).unwrap_or_default();
        state.line.extend_place(event_id, user_id, hold_end + margin).await?;
    }
    crash::point("queue.payment-token.place-extended");
    let issued = state
        .line
        .issue_payment_token(event_id, user_id, reservation_id, state.limits.session)
        .await?;
    crash::point("queue.payment-token.issued");
    let reply = IssuedPaymentToken {
        payment_token: issued.token,
        expires_at: issued.expires_at,
    };
    Ok((StatusCode::CREATED, Json(reply)))
}
