use crate::{
    db::event_list::{EventFilter, EventSummary},
    domain::{EventOrder, EventStatus, Violations, in_range},
    routes::problems::{BadParameters, Failures},
    state::AppState,
};
use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use common::{
    extract::Query,
    page::{Page, PageRequest},
    problem::{ApiResult, Problem},
};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How to narrow and sort the list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only concerts that are in this state now.
    status: Option<EventStatus>,
    /// Only concerts in this city.
    #[param(min_length = 1, max_length = 100, pattern = r"\S")]
    city: Option<String>,
    /// Only concerts at this venue.
    venue_id: Option<Uuid>,
    /// Only concerts with this in title or artist, whatever its case.
    #[param(min_length = 1, max_length = 100, pattern = r"\S")]
    q: Option<String>,
    /// Only concerts that begin at or after this time.
    from: Option<DateTime<Utc>>,
    /// Only concerts that begin at or before this time.
    to: Option<DateTime<Utc>>,
    /// `eventStartAt`, `saleStartAt` or `title`, then `,asc` or `,desc`.
    #[param(
        pattern = "^(eventStartAt|saleStartAt|title)(,(asc|desc))?$",
        default = "eventStartAt,asc"
    )]
    sort: Option<String>,
    /// Which page, from 0.
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    page: Option<u32>,
    /// How many a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    size: Option<u32>,
}

/// A concert in the list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventSummaryReply {
    pub(super) id: Uuid,
    pub(super) title: String,
    pub(super) artist: String,
    pub(super) venue_id: Uuid,
    pub(super) venue_name: String,
    pub(super) city: String,
    pub(super) hall_name: String,
    pub(super) event_start_at: DateTime<Utc>,
    pub(super) event_end_at: DateTime<Utc>,
    pub(super) sale_start_at: DateTime<Utc>,
    pub(super) sale_end_at: DateTime<Utc>,
    pub(super) status: EventStatus,
    /// Won.
    pub(super) min_price: i64,
    /// Won.
    pub(super) max_price: i64,
    pub(super) poster_url: Option<String>,
}

impl EventSummaryReply {
    fn new(event: EventSummary, now: DateTime<Utc>) -> Self {
        Self {
            status: event.times().status_at(now, event.cancelled_at.is_some()),
            id: event.id,
            title: event.title,
            artist: event.artist,
            venue_id: event.venue_id,
            venue_name: event.venue_name,
            city: event.city,
            hall_name: event.hall_name,
            event_start_at: event.event_start_at,
            event_end_at: event.event_end_at,
            sale_start_at: event.sale_start_at,
            sale_end_at: event.sale_end_at,
            min_price: event.min_price,
            max_price: event.max_price,
            poster_url: event.poster_url,
        }
    }
}

/// Lists concerts.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    params(ListQuery),
    responses((status = 200, description = "A page of concerts", body = Page<EventSummaryReply>), BadParameters, Failures),
)]
pub(crate) async fn list_events(
    State(state): State<AppState>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (filter, order, request) = query.read()?;
    let held = state.reads.list(&filter, order, request).await?;
    let (page, now) = (&held.value, state.clock.now());
    let times = page.events.iter().map(EventSummary::times);
    let rendered = page.rendered.at(now, page.total, times, || {
        let content = page.events.iter().cloned();
        let content = content.map(|event| EventSummaryReply::new(event, now)).collect();
        Page::new(content, request, page.total)
    })?;
    Ok(rendered.reply(&headers))
}

impl ListQuery {
    /// The query, if it makes sense.
    pub(crate) fn read(self) -> ApiResult<(EventFilter, EventOrder, PageRequest)> {
        let request = PageRequest::new(self.page, self.size)?;
        let order = match &self.sort {
            None => EventOrder::DEFAULT,
            Some(text) => EventOrder::parse(text).ok_or_else(|| {
                Problem::invalid("sort", "must be eventStartAt, saleStartAt or title, then ,asc or ,desc")
            })?,
        };
        Ok((check(self)?, order, request))
    }
}

fn check(query: ListQuery) -> ApiResult<EventFilter> {
    let mut violations = Violations::default();
    for (field, time) in [("from", query.from), ("to", query.to)] {
        violations.require(
            time.is_none_or(in_range),
            field,
            "must be a time of the years 2000 to 9999",
        );
    }
    let filter = EventFilter {
        status: query.status,
        city: query.city.map(|city| violations.line("city", &city, 100)),
        venue_id: query.venue_id,
        q: query.q.map(|q| violations.line("q", &q, 100)),
        from: query.from,
        to: query.to,
    };
    violations.finish()?;
    Ok(filter)
}
