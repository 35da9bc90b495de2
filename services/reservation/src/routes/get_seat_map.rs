use super::problems::{BadParameters, Failures, MissingEvent, Unauthenticated};
use crate::{db, state::AppState};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    identity::User,
    problem::ApiResult,
};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// The seats of an event and who may have them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReservationSeatMap)]
pub(crate) struct SeatMap {
    /// The event.
    event_id: Uuid,
    /// In the hall's order.
    seats: Vec<Seat>,
}

/// One seat.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReservationSeatMapSeat)]
pub(crate) struct Seat {
    id: Uuid,
    #[schema(example = "A-12")]
    seat_number: String,
    #[schema(example = "VIP")]
    grade: String,
    /// Won.
    price: i64,
    status: SeatStatus,
}

/// Whether a seat can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = ReservationSeatStatus)]
pub(crate) enum SeatStatus {
    /// It can.
    Available,
    /// Somebody has it for some minutes.
    Hold,
    /// It cannot.
    Sold,
}

/// Shows which seats of an event are free. A seat that was held or sold a millisecond ago never shows as free.
#[utoipa::path(
    get,
    path = "/reservations/seats/{eventId}",
    tag = "reservations",
    security(("bearer" = [])),
    params(("eventId" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, description = "The seats", body = SeatMap),
        BadParameters,
        Unauthenticated,
        MissingEvent,
        Failures,
    ),
)]
pub(crate) async fn get_seat_map(
    State(state): State<AppState>,
    _: User,
    Path(event_id): Path<Uuid>,
) -> ApiResult<Json<SeatMap>> {
    let map = {
        let mut connection = state.pool.acquire().await?;
        db::seat_map(&mut connection, event_id).await?
    };
    let event = state.catalogue.at_least(event_id, map.event_version).await?;
    let seats = event
        .seats
        .iter()
        .map(|seat| Seat {
            id: seat.id,
            seat_number: seat.seat_number.clone(),
            grade: seat.grade.clone(),
            price: seat.price,
            status: status(&map.taken, seat.id),
        })
        .collect();
    Ok(Json(SeatMap { event_id, seats }))
}

fn status(taken: &HashMap<Uuid, bool>, seat_id: Uuid) -> SeatStatus {
    match taken.get(&seat_id) {
        None => SeatStatus::Available,
        Some(false) => SeatStatus::Hold,
        Some(true) => SeatStatus::Sold,
    }
}
