//! The table of contents: every route with who may call it.

mod enter;
mod issue_payment_token;
mod leave;
mod lines;
mod problems;
mod queue_status;
mod set_event_settings;
mod stats;
mod status;
mod stream;
mod validate_token;

use crate::state::AppState;
use axum::{Router, routing::post};
use common::internal_auth::{Service, Verifier, guard, guard_api};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use stats::QueueStats;
pub(crate) use status::status_of;

/// What clients may call, with its documentation.
pub(crate) fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(enter::enter))
        .routes(routes!(status::status))
        .routes(routes!(stream::stream))
        .routes(routes!(leave::leave))
        .routes(routes!(stats::stats))
        .routes(routes!(lines::lines))
        .routes(routes!(set_event_settings::set_event_settings))
}

/// What clients call, through the gateway.
pub(crate) fn public(state: &AppState, verifier: &Verifier) -> OpenApiRouter {
    guard_api(documented(), verifier, &[Service::Gateway]).with_state(state.clone())
}

/// What other services call.
pub(crate) fn internal(state: &AppState, verifier: &Verifier) -> Router {
    let validate = Router::new().route("/internal/queue/tokens/validate", post(validate_token::validate_token));
    let issue = Router::new().route(
        "/internal/queue/payment-tokens",
        post(issue_payment_token::issue_payment_token),
    );
    guard(validate, verifier, &[Service::Reservation, Service::Payment])
        .merge(guard(issue, verifier, &[Service::Reservation]))
        .with_state(state.clone())
}
