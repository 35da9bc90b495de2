//! What the gateway answers by itself. Which of these exist, and for whom, stands in the route table as for any other route.

mod config;
mod docs;
mod metrics;
mod openapi;
mod operator;
mod stats;
mod status;

pub(crate) use openapi::documents::Documents;
pub(crate) use openapi::merged_of_files as openapi;
pub(crate) use stats::Requests;
pub(crate) use status::Readiness;

use crate::{client_address::FORWARDED_FOR, config::FrontEndConfig};
use axum::{Router, routing::get};
use common::{
    Clock, Fresh,
    problem::{Code, FieldError, Problem, ProblemSchema},
};
use http::HeaderMap;
use secrecy::SecretString;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use utoipa::{
    PartialSchema,
    openapi::{
        OpenApi,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What these routes need.
pub(crate) struct OwnState {
    pub(crate) front_end: FrontEndConfig,
    pub(crate) clock: Clock,
    pub(crate) readiness: Readiness,
    pub(crate) documents: Documents,
    pub(crate) requests: Fresh<Requests>,
    pub(crate) metrics_token: Option<SecretString>,
}

/// The documented routes, and their part of the merged document with what the gateway adds to all parts.
pub(crate) fn documented() -> (Router<Arc<OwnState>>, OpenApi) {
    let (router, mut document) = OpenApiRouter::new()
        .routes(routes!(config::show))
        .routes(routes!(stats::show))
        .routes(routes!(status::live))
        .routes(routes!(status::ready))
        .split_for_parts();
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), ProblemSchema::schema());
    components.schemas.insert("FieldError".to_owned(), FieldError::schema());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    components
        .security_schemes
        .insert("bearer".to_owned(), SecurityScheme::Http(bearer).into());
    (router, document)
}

/// All of them.
pub(crate) fn router(documented: Router<Arc<OwnState>>, state: Arc<OwnState>) -> Router {
    documented
        .route("/", get(status::page))
        .route("/openapi.json", get(openapi::show))
        .route("/docs", get(docs::page))
        .route("/operator", get(operator::page))
        .route("/docs/{asset}", get(docs::asset))
        .route("/metrics", get(metrics::show))
        .fallback(|| async { Problem::new(Code::NotFound) })
        .with_state(state)
}

/// Where a request to one of these routes really came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientOrigin {
    /// The peer is this machine or on a private network, and passes on for nobody else.
    pub(crate) is_inside: bool,
}

impl ClientOrigin {
    /// Of a request as it came, before anything was stripped.
    pub(crate) fn new(peer: SocketAddr, headers: &HeaderMap) -> Self {
        let is_inside = match peer.ip().to_canonical() {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        };
        // Load balancers have private addresses, and all the world behind them.
        let is_forwarded = headers.contains_key(FORWARDED_FOR) || headers.contains_key(http::header::FORWARDED);
        Self {
            is_inside: is_inside && !is_forwarded,
        }
    }
}
