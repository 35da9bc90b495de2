use crate::{db::seats, state::AppState};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use uuid::Uuid;

/// Which seats show as sold.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SoldSeats {
    event_id: Uuid,
    sold_seat_ids: Vec<Uuid>,
}

/// Lists the sold seats of a concert.
pub(crate) async fn sold_seats(
    State(state): State<AppState>,
    Path(event_id): Path<Uuid>,
) -> ApiResult<Json<SoldSeats>> {
    seats::map_version(&state.pool, event_id)
        .await?
        .ok_or_else(|| Problem::new(Code::EventNotFound))?;
    let sold_seat_ids = seats::sold(&state.pool, event_id).await?;
    Ok(Json(SoldSeats {
        event_id,
        sold_seat_ids,
    }))
}
