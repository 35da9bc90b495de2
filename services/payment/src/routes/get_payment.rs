use axum::extract::State;
use common::{
    extract::{Json, Path},
    identity::User,
    problem::ApiResult,
};
use uuid::Uuid;

use super::{
    payment_reply::PaymentReply,
    problems::{BadParameters, Failures, Missing, Unauthenticated},
};
use crate::state::AppState;

/// Shows one of the user's payments.
#[utoipa::path(
    get,
    path = "/payments/{id}",
    tag = "payments",
    params(("id" = Uuid, Path, description = "The payment")),
    responses((status = 200, description = "The payment", body = PaymentReply), BadParameters, Missing, Unauthenticated, Failures),
    security(("bearer" = [])),
)]
pub(crate) async fn get_payment(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
) -> ApiResult<Json<PaymentReply>> {
    let mut connection = state.db.acquire().await?;
    PaymentReply::read(&mut connection, user.id, id).await.map(Json)
}
