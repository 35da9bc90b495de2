use super::internal_event::InternalEvent;
use crate::{
    db::{event_changes, events, seats},
    domain::Grade,
    state::AppState,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::{Json, Path},
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use uuid::Uuid;

/// What the reservation service sells, all of one moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatCatalogue {
    #[serde(flatten)]
    event: InternalEvent,
    /// The concert's version, as EventChanged carries it: a message with a higher one makes this copy stale.
    version: i64,
    /// By the database's clock. Seats and prices may change until the sale opens, so what is read before that moment must be
    /// read again after it.
    read_at: DateTime<Utc>,
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

/// Lists all seats of a concert with their prices. It waits for a change that is being made: what is read once the sale is
/// open is what is sold.
pub(crate) async fn seat_catalogue(
    State(state): State<AppState>,
    Path(event_id): Path<Uuid>,
) -> ApiResult<Json<SeatCatalogue>> {
    let mut transaction = state.pool.begin().await?;
    let read_at = event_changes::keep_unchanged(&mut transaction, event_id).await?;
    let read_at = read_at.ok_or_else(|| Problem::new(Code::EventNotFound))?;
    let event = events::find(&mut *transaction, event_id)
        .await?
        .ok_or_else(|| Problem::new(Code::EventNotFound))?;
    let seats = seats::catalogue(&mut *transaction, event_id).await?;
    transaction.commit().await?;
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
        version: event.version,
        event: InternalEvent::new(event, state.clock.now()),
        read_at,
        seats,
    }))
}
