use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{db, domain::PaymentStatus, state::AppState};

/// What became of a payment, for the reservation that is locked for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentOutcome {
    payment_id: Uuid,
    reservation_id: Uuid,
    status: PaymentStatus,
    /// Whether money may be moving, or may have moved.
    confirm_started: bool,
}

/// Tells a payment's outcome.
pub(crate) async fn outcome(
    State(state): State<AppState>,
    Path(payment_id): Path<Uuid>,
) -> ApiResult<Json<PaymentOutcome>> {
    let mut connection = state.db.acquire().await?;
    let payment = db::payments::find(&mut connection, payment_id).await?;
    let payment = payment.ok_or_else(|| Problem::new(Code::NotFound).detail("There is no such payment."))?;
    Ok(Json(PaymentOutcome {
        payment_id,
        reservation_id: payment.reservation_id,
        status: payment.status,
        confirm_started: payment.confirm_started_at.is_some(),
    }))
}
