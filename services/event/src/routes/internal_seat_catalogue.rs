use crate::{
    db::{events, seats},
    domain::Grade,
    state::AppState,
};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use uuid::Uuid;

/// What the reservation service sells: it changes before the sale only.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatCatalogue {
    event_id: Uuid,
    /// The concert's version, as EventChanged carries it: a message with a higher one makes this copy stale.
    version: i64,
    /// In the hall's order.
    seats: Vec<SeatOnSale>,
}

/// A seat with its price in won.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatOnSale {
    id: Uuid,
    seat_number: String,
    grade: Grade,
    price: i64,
}

/// Lists all seats of a concert with their prices.
pub(crate) async fn seat_catalogue(
    State(state): State<AppState>,
    Path(event_id): Path<Uuid>,
) -> ApiResult<Json<SeatCatalogue>> {
    // Version first: a change in between gives newer seats under an older version, which its message then replaces.
    let event = events::find(&state.pool, event_id)
        .await?
        .ok_or_else(|| Problem::new(Code::EventNotFound))?;
    let seats = seats::catalogue(&state.pool, event_id).await?;
    let seats = seats
        .into_iter()
        .map(|seat| SeatOnSale {
            id: seat.id,
            seat_number: seat.seat_number,
            grade: seat.grade,
            price: seat.price,
        })
        .collect();
    Ok(Json(SeatCatalogue {
        event_id,
        version: event.version,
        seats,
    }))
}
