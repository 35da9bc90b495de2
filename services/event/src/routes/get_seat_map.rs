use super::{etag, get_event::no_such_event};
use crate::{
    reads::SeatMap,
    routes::problems::{BadParameters, Failures, Missing, Unauthenticated},
    state::AppState,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use common::{
    extract::{Path, Query},
    identity::User,
    problem::{ApiResult, Problem},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
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

/// Shows a concert's seats, or only what changed. What was sold half a second ago shows.
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
    let map = state.reads.seat_map(id).await?.ok_or_else(no_such_event)?;
    let etag = etag_of(map.versions());
    let mut response = if etag::client_has(&headers, &etag) {
        let vary = [(header::VARY, HeaderValue::from_static("accept-encoding"))];
        (StatusCode::NOT_MODIFIED, vary).into_response()
    } else {
        map.reply(since, &headers)?
    };
    // The client may keep the map, and asks each time whether it still holds. It is for those who are signed in, so nobody
    // between keeps it.
    let tag = HeaderValue::try_from(etag).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(header::ETAG, tag);
    let caching = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, caching);
    Ok(response)
}

/// Weak, because it names the same map in all its encodings.
fn etag_of((event, map): (i64, i64)) -> String {
    format!("W/\"{event}.{map}\"")
}
