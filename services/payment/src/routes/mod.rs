//! The table of contents: every route with who may call it.

mod checkout;
mod confirm_payment;
mod create_payment;
mod get_payment;
mod internal_outcome;
mod internal_reservation_changed;
mod list_payments;
mod payment_reply;
mod problems;
mod receive_portone_webhook;
mod stats;

pub(crate) use create_payment::CreatePayment;

use crate::state::AppState;
use axum::{
    Router,
    routing::{get, post},
};
use common::internal_auth::{Service, Verifier, guard, guard_api};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What clients may call, with its documentation.
pub(crate) fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_payments::list_payments, create_payment::create_payment))
        .routes(routes!(confirm_payment::confirm_payment))
        .routes(routes!(get_payment::get_payment))
        .routes(routes!(stats::stats))
        .routes(routes!(receive_portone_webhook::receive_portone_webhook))
}

/// What clients and PortOne call, through the gateway.
pub(crate) fn public(state: &AppState, verifier: &Verifier) -> OpenApiRouter {
    guard_api(documented(), verifier, &[Service::Gateway]).with_state(state.clone())
}

/// What other services call.
pub(crate) fn internal(state: &AppState, verifier: &Verifier) -> Router {
    let reservation = Router::new()
        .route(
            "/internal/payments/{payment_id}/outcome",
            get(internal_outcome::outcome),
        )
        .route(
            "/internal/payments/reservations/{reservation_id}/changed",
            post(internal_reservation_changed::reservation_changed),
        );
    guard(reservation, verifier, &[Service::Reservation]).with_state(state.clone())
}
