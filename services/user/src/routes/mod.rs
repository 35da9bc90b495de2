//! The table of contents: one file per endpoint.

mod login;
mod logout;
mod me;
mod refresh;
mod register;
mod terms;

use crate::state::App;
use axum::Router;
use common::{
    health::Health,
    http::{ServiceInfo, service_router},
    internal_auth::{Service, guard_api},
};
use utoipa_axum::{router::OpenApiRouter, routes};

const INFO: ServiceInfo = ServiceInfo {
    name: "user-service",
    title: "User service",
};

pub(crate) fn router(app: &App, health: &Health) -> Router {
    let api = OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(me::me))
        .routes(routes!(terms::terms));
    let api = guard_api(api, &app.verifier, &[Service::Gateway]).with_state(app.clone());
    service_router(INFO, api, Router::new(), health)
}

/// The client's address as the gateway saw it; it overwrites what clients send.
fn client_address(headers: &http::HeaderMap) -> Option<&str> {
    common::extract::header_text(headers, "x-client-address").filter(|text| text.parse::<std::net::IpAddr>().is_ok())
}
