use super::problems::{BadParameters, Failures, HoldOver, Missing, Unauthenticated};
use crate::{db, domain::Status, neighbours::PaymentToken, state::AppState};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    identity::User,
    problem::{ApiResult, Code, Problem},
};
use uuid::Uuid;

/// Gives a fresh payment token while the reservation is pending: after a reload, a lost reply, or a loss of Redis.
#[utoipa::path(
    post,
    path = "/reservations/hold/{id}/payment-token",
    tag = "reservations",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The reservation")),
    responses(
        (status = 200, description = "The token", body = PaymentToken),
        BadParameters,
        Unauthenticated,
        Missing,
        HoldOver,
        Failures,
    ),
)]
pub(crate) async fn issue_payment_token(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
) -> ApiResult<Json<PaymentToken>> {
    let read = {
        let mut connection = state.pool.acquire().await?;
        db::find_of_user(&mut connection, id, user.id).await?
    };
    let read = read.ok_or_else(|| Problem::new(Code::NotFound))?;
    if read.reservation.status != Status::Pending {
        return Err(Problem::new(Code::ReservationNotPending));
    }
    // A running payment keeps the reservation, whatever the hold's time.
    if read.reservation.payment_lock.is_none() && db::time_left(&read).is_none() {
        return Err(Problem::new(Code::HoldExpired));
    }
    let event_id = read.reservation.event_id;
    Ok(Json(
        state.queue.issue_payment_token(user.id, event_id, id, None).await?,
    ))
}
