use super::{OwnState, status::GatewayStatus};
use axum::{Json, extract::State};
use common::{
    problem::{ApiResult, ProblemSchema},
    telemetry,
    vitals::Vitals,
};
use http::{HeaderName, header};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const DURATIONS: &str = "http_server_request_duration_seconds_count{";
/// The status of those whose clients went away.
const NO_ANSWER: &str = "499\"";
const CONNECTIONS: &str = "gateway_connections_open ";

/// How the gateway and everything behind it is doing.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayStats {
    requests: Requests,
    services: GatewayStatus,
    process: Vitals,
}

/// What this process has answered since its start; who asks again makes rates of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Requests {
    answered: u64,
    /// Those of them that were answered 4xx.
    refused: u64,
    /// Those of them that were answered 5xx.
    failed: u64,
    /// Connections of clients now.
    connections: u64,
}

impl Requests {
    /// Out of what Prometheus reads, so that counting costs requests nothing.
    fn read(exposition: &str) -> Self {
        let mut requests = Self::default();
        for line in exposition.lines() {
            let value = || line.rsplit(' ').next()?.parse::<u64>().ok();
            if line.starts_with(CONNECTIONS) {
                requests.connections = value().unwrap_or_default();
            }
            if !line.starts_with(DURATIONS) || !line.contains("service=\"gateway\"") {
                continue;
            }
            let count = value().unwrap_or_default();
            let status = line.split_once("status=\"").map_or("", |(_, status)| status);
            if status.starts_with(NO_ANSWER) {
                continue;
            }
            requests.answered += count;
            match status.as_bytes().first() {
                Some(b'4') => requests.refused += count,
                Some(b'5') => requests.failed += count,
                _ => {}
            }
        }
        requests
    }
}

/// Tells how the gateway and everything behind it is doing. What is told is a second old at most.
#[utoipa::path(
    get,
    path = "/admin/stats",
    tag = "gateway",
    security(("bearer" = [])),
    responses(
        (status = 200, body = GatewayStats, description = "The numbers now"),
        (status = 401, body = ProblemSchema), (status = 403, body = ProblemSchema),
        (status = 503, body = ProblemSchema),
    )
)]
pub(super) async fn show(
    State(state): State<Arc<OwnState>>,
) -> ApiResult<([(HeaderName, &'static str); 1], Json<GatewayStats>)> {
    let counted = || async { Ok(Requests::read(&telemetry::metrics().render())) };
    let stats = GatewayStats {
        requests: state.requests.get(counted).await?,
        services: state.readiness.status().await,
        process: Vitals::now(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(stats)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_how_they_ended() {
        let exposition = "\
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{service=\"gateway\",method=\"GET\",route=\"/events\",status=\"200\",le=\"1\"} 9
http_server_request_duration_seconds_count{service=\"gateway\",method=\"GET\",route=\"/events\",status=\"200\"} 9
http_server_request_duration_seconds_count{service=\"gateway\",method=\"GET\",route=\"/events\",status=\"502\"} 2
http_server_request_duration_seconds_count{service=\"gateway\",method=\"GET\",route=\"/events\",status=\"499\"} 4
http_server_request_duration_seconds_count{service=\"gateway\",method=\"ANY\",route=\"unmatched\",status=\"404\"} 1
http_server_request_duration_seconds_count{service=\"user-service\",method=\"GET\",route=\"/terms\",status=\"200\"} 5
gateway_connections_open 3
";
        let expected = Requests {
            answered: 12,
            refused: 1,
            failed: 2,
            connections: 3,
        };
        assert_eq!(Requests::read(exposition), expected);
    }
}
