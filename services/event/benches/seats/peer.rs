//! The peers: handlers that answer with bytes they have, bare and behind what every service has around its handlers.

use axum::{Router, response::IntoResponse, routing::get};
use bytes::Bytes;
use common::{
    http::{ServiceInfo, wrap},
    internal_auth::{Service, guard},
};
use event_service::Config;
use http::header;
use test_support::Running;

const INFO: ServiceInfo = ServiceInfo {
    name: "peer",
    title: "Handlers that answer with bytes they have",
};

pub(crate) struct Peers {
    pub(crate) bare: Running,
    /// Credential, request id, measurements, limits.
    pub(crate) layered: Running,
}

/// Peers that answer at these paths with these bytes, and at `/hello`.
pub(crate) async fn start(config: &Config, replies: &[(&'static str, Bytes)]) -> Peers {
    let mut router = Router::new().route("/hello", get(|| async { "hello" }));
    for (path, body) in replies {
        let body = body.clone();
        let handler = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], body).into_response() });
        router = router.route(path, handler);
    }
    let layered = wrap(guard(router.clone(), &config.verifier, &[Service::Gateway]), INFO);
    Peers {
        bare: Running::serve(router).await,
        layered: Running::serve(layered).await,
    }
}
