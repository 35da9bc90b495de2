use super::{
    hold_problems,
    problems::{BadParameters, Failures, Missing, NotCancellable, Unauthenticated},
};
use crate::{
    domain::{CancelReason, RefundStatus, Reservation, Status},
    state::AppState,
    transitions::{self, CancelOutcome},
};
use axum::extract::State;
use common::{
    crash,
    extract::{Json, Path},
    identity::User,
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The cancelled reservation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelReply {
    /// The reservation.
    reservation_id: Uuid,
    /// `CANCELLED`.
    status: Status,
    /// The money on its way back; null if none had been paid.
    refund: Option<DueRefund>,
}

/// Money on its way back.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DueRefund {
    /// How far it was when this was first answered; the reservation shows how far it is.
    status: RefundStatus,
    /// Won: always the whole amount.
    amount: i64,
}

/// Cancels a reservation. The whole amount of a paid one goes back. Doing it again gives the first answer.
#[utoipa::path(
    delete,
    path = "/reservations/{id}",
    tag = "reservations",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The reservation")),
    responses(
        (status = 200, description = "It is cancelled", body = CancelReply),
        BadParameters,
        Unauthenticated,
        Missing,
        NotCancellable,
        Failures,
    ),
)]
pub(crate) async fn cancel_reservation(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
) -> ApiResult<Json<CancelReply>> {
    let mut transaction = state.pool.begin().await?;
    let refund = match transitions::cancel(&mut transaction, id, user.id).await? {
        CancelOutcome::NotFound => return Err(Problem::new(Code::NotFound)),
        CancelOutcome::Refused(refusal) => return Err(hold_problems::not_endable(refusal)),
        CancelOutcome::AlreadyCancelled(reservation) => first_answer(&reservation),
        CancelOutcome::Cancelled(tickets, refund) => {
            state.outbox.commit(transaction).await?;
            crash::point("reservation.cancel.committed");
            state.after_end(&[tickets]).await;
            refund.map(|(status, amount)| DueRefund { status, amount })
        }
    };
    Ok(Json(CancelReply {
        reservation_id: id,
        status: Status::Cancelled,
        refund,
    }))
}

/// What was answered when the buyer cancelled it; if somebody else did, how the refund stands.
fn first_answer(reservation: &Reservation) -> Option<DueRefund> {
    let refund = reservation.refund.as_ref()?;
    let by_the_buyer = reservation.cancel_reason == Some(CancelReason::UserRequest);
    // By hand, and known when the buyer cancelled.
    let gone_back_before = refund.completed_at.is_some() && refund.completed_at <= reservation.cancelled_at;
    let status = if by_the_buyer && !gone_back_before {
        RefundStatus::Requested
    } else {
        refund.status
    };
    Some(DueRefund {
        status,
        amount: refund.amount,
    })
}
