use crate::{state::AppState, transitions};
use axum::{extract::State, http::StatusCode};
use common::{
    crash,
    extract::{Json, Path},
    problem::ApiResult,
};
use serde::Deserialize;
use uuid::Uuid;

/// Who lets go.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UnlockRequest {
    payment_id: Uuid,
}

/// Takes the lock from a payment that moved no money; the hold has its old end again. Nothing if it does not hold it.
pub(super) async fn payment_unlock(
    State(state): State<AppState>,
    Path(reservation_id): Path<Uuid>,
    Json(request): Json<UnlockRequest>,
) -> ApiResult<StatusCode> {
    let mut transaction = state.pool.begin().await?;
    let unlocked = transitions::unlock(&mut transaction, reservation_id, request.payment_id).await?;
    if let Some(unlocked) = unlocked {
        transaction.commit().await?;
        crash::point("reservation.payment-unlock.committed");
        state.after_unlock(&unlocked).await;
    }
    Ok(StatusCode::NO_CONTENT)
}
