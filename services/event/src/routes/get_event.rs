use super::list_events::EventSummaryReply;
use crate::{
    db::events::{self, EventDetail, GradeRow},
    domain::Grade,
    routes::problems::{BadParameters, Failures, Missing},
    state::AppState,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use common::{
    extract::{Json, Path},
    problem::{ApiResult, Code, Problem},
};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// A concert with all that a buyer wants to know before choosing seats.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventReply {
    #[serde(flatten)]
    summary: EventSummaryReply,
    description: Option<String>,
    /// Best grade first.
    prices: Vec<GradePrice>,
    venue: EventVenue,
    hall: EventHall,
    /// Best grade first.
    seat_counts: Vec<SeatCount>,
    max_tickets_per_user: i32,
    /// Only of a cancelled concert.
    cancelled_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    cancel_reason: Option<String>,
    /// Rises with every change that an administrator makes; the `ETag` names it.
    version: i64,
}

/// What a grade costs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GradePrice {
    grade: Grade,
    /// Won.
    price: i64,
}

/// How many seats of a grade there are and how many of them are not sold.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatCount {
    grade: Grade,
    total: i32,
    available: i32,
}

/// Where the concert takes place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventVenue {
    id: Uuid,
    name: String,
    address: String,
    city: String,
}

/// The hall in that place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventHall {
    id: Uuid,
    name: String,
    capacity: i32,
}

impl EventReply {
    /// The concert as it is at `now`.
    pub(super) async fn read(
        connection: &mut PgConnection,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, sqlx::Error> {
        let Some(event) = events::find(&mut *connection, id).await? else {
            return Ok(None);
        };
        let grades = events::grades(connection, id).await?;
        Ok(Some(Self::new(event, &grades, now)))
    }

    fn new(event: EventDetail, grades: &[GradeRow], now: DateTime<Utc>) -> Self {
        let prices = || grades.iter().map(|row| row.price);
        Self {
            summary: EventSummaryReply {
                status: event.times().status_at(now, event.cancelled_at.is_some()),
                id: event.id,
                title: event.title,
                artist: event.artist,
                venue_id: event.venue_id,
                venue_name: event.venue_name.clone(),
                city: event.city.clone(),
                hall_name: event.hall_name.clone(),
                event_start_at: event.event_start_at,
                event_end_at: event.event_end_at,
                sale_start_at: event.sale_start_at,
                sale_end_at: event.sale_end_at,
                min_price: prices().min().unwrap_or_default(),
                max_price: prices().max().unwrap_or_default(),
                poster_url: event.poster_url,
            },
            description: event.description,
            prices: grades
                .iter()
                .map(|row| GradePrice {
                    grade: row.grade,
                    price: row.price,
                })
                .collect(),
            venue: EventVenue {
                id: event.venue_id,
                name: event.venue_name,
                address: event.address,
                city: event.city,
            },
            hall: EventHall {
                id: event.hall_id,
                name: event.hall_name,
                capacity: event.capacity,
            },
            seat_counts: grades
                .iter()
                .map(|row| SeatCount {
                    grade: row.grade,
                    total: row.seats_total,
                    available: row.seats_total - row.seats_sold,
                })
                .collect(),
            max_tickets_per_user: event.max_tickets_per_user,
            cancelled_at: event.cancelled_at,
            cancel_reason: event.cancel_reason,
            version: event.version,
        }
    }

    /// The tag of what administrators decide about the concert, for `If-Match`. Seats that are sold and a status that moves
    /// with the time do not change it.
    pub(super) fn etag(&self) -> String {
        etag_of(self.version)
    }

    /// The concert's id.
    pub(super) fn id(&self) -> Uuid {
        self.summary.id
    }
}

/// The tag of a concert's version.
pub(super) fn etag_of(version: i64) -> String {
    format!("\"{version}\"")
}

impl IntoResponse for EventReply {
    fn into_response(self) -> Response {
        ([(header::ETAG, self.etag())], Json(self)).into_response()
    }
}

/// Shows a concert.
#[utoipa::path(
    get,
    path = "/events/{id}",
    tag = "events",
    params(("id" = Uuid, Path, description = "The concert")),
    responses((status = 200, description = "The concert", body = EventReply, headers(("ETag" = String))), BadParameters, Missing, Failures),
)]
pub(crate) async fn get_event(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (held, pulse) = state.reads.event(id).await?.ok_or_else(no_such_event)?;
    let (event, now) = (&held.value.event, state.clock.now());
    let times = std::iter::once(event.times());
    let rendered = held.value.rendered.at(now, pulse.map_version, times, || {
        EventReply::new(event.clone(), &pulse.grades, now)
    })?;
    let mut response = rendered.reply(&headers);
    let etag = HeaderValue::try_from(etag_of(event.version)).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// 404 about a concert.
pub(super) fn no_such_event() -> Problem {
    Problem::new(Code::NotFound).detail("There is no such event.")
}
