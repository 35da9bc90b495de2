use super::{etag, get_event::no_such_event};
use crate::{
    db::{
        events::{self, GradeRow},
        seats::{self, MapSeat},
    },
    domain::Grade,
    routes::problems::{BadParameters, Failures, Missing, Unauthenticated},
    state::AppState,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use common::{
    extract::{Json, Path, Query},
    identity::User,
    problem::{ApiResult, Problem},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What part of the map is wanted.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MapQuery {
    /// Only the seats that changed after this `version` of the map.
    #[param(minimum = 0)]
    since: Option<i64>,
}

/// The seats of a concert by grade.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatMap {
    event_id: Uuid,
    /// Rises with every change of a seat; for `since`.
    version: i64,
    /// Best first.
    grades: Vec<SeatMapGrade>,
}

/// The seats of one grade.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatMapGrade {
    grade: Grade,
    /// Won.
    price: i64,
    total: i32,
    /// How many of all its seats, listed here or not, are not sold.
    available: i32,
    /// In the hall's order.
    seats: Vec<SeatMapSeat>,
}

/// One seat.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatMapSeat {
    id: Uuid,
    #[schema(example = "A-1")]
    seat_number: String,
    status: SeatStatus,
}

/// Whether a seat is sold. Seats that somebody holds for a few minutes show only in the reservation service's list.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SeatStatus {
    Available,
    Sold,
}

/// Shows a concert's seats, or only what changed.
#[utoipa::path(
    get,
    path = "/events/{id}/seats",
    tag = "events",
    security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "The concert"),
        MapQuery,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the map the client has"),
    ),
    responses(
        (status = 200, description = "The map", body = SeatMap, headers(("ETag" = String))),
        (status = 304, description = "Nothing changed", headers(("ETag" = String))),
        BadParameters,
        Unauthenticated,
        Missing,
        Failures,
    ),
)]
pub(crate) async fn get_seat_map(
    State(state): State<AppState>,
    _: User,
    Path(id): Path<Uuid>,
    Query(query): Query<MapQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let since = query.since.unwrap_or(0);
    if since < 0 {
        return Err(Problem::invalid("since", "must not be negative"));
    }
    // Most polls end here: one row by its key.
    let version = seats::map_version(&state.pool, id).await?.ok_or_else(no_such_event)?;
    if etag::client_has(&headers, &etag_of(version)) {
        return Ok((StatusCode::NOT_MODIFIED, caching(version)?).into_response());
    }

    // One snapshot, so that version, counts and seats belong together.
    let mut snapshot = state
        .pool
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let version = seats::map_version(&mut *snapshot, id)
        .await?
        .ok_or_else(no_such_event)?;
    // A version that does not exist yet is no version of this map: the client gets all of it.
    let since = if since > version { 0 } else { since };
    let grades = events::grades(&mut *snapshot, id).await?;
    let seats = seats::changed_since(&mut *snapshot, id, since).await?;
    snapshot.commit().await?;

    let map = SeatMap {
        event_id: id,
        version,
        grades: by_grade(&grades, seats),
    };
    Ok((caching(version)?, Json(map)).into_response())
}

fn by_grade(grades: &[GradeRow], seats: Vec<MapSeat>) -> Vec<SeatMapGrade> {
    let mut map: Vec<SeatMapGrade> = grades
        .iter()
        .map(|row| SeatMapGrade {
            grade: row.grade,
            price: row.price,
            total: row.seats_total,
            available: row.seats_total - row.seats_sold,
            seats: Vec::new(),
        })
        .collect();
    for seat in seats {
        let status = if seat.sold {
            SeatStatus::Sold
        } else {
            SeatStatus::Available
        };
        if let Some(grade) = map.iter_mut().find(|grade| grade.grade == seat.grade) {
            grade.seats.push(SeatMapSeat {
                id: seat.id,
                seat_number: seat.seat_number,
                status,
            });
        }
    }
    map
}

/// Weak, because the gateway compresses the map without changing its tag.
fn etag_of(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The client may keep the map, and asks each time whether it still holds.
fn caching(version: i64) -> ApiResult<[(header::HeaderName, HeaderValue); 2]> {
    let etag = HeaderValue::try_from(etag_of(version)).map_err(|error| Problem::internal(&error))?;
    Ok([
        (header::ETAG, etag),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ])
}
