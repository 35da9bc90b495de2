//! What other services ask.

mod availability;
mod claims;
mod payment_lock;
mod payment_unlock;
mod pending;
mod reservation;

use crate::state::AppState;
use axum::{
    Router,
    routing::{get, post},
};
use common::internal_auth::{Service, Verifier, guard};

/// The internal routes with their callers.
pub(crate) fn router(state: &AppState, verifier: &Verifier) -> Router {
    let queue = Router::new()
        .route(
            "/internal/reservations/availability/{event_id}",
            get(availability::availability),
        )
        .route("/internal/reservations/pending/{event_id}", get(pending::pending));
    let event = Router::new()
        .route(
            "/internal/reservations/exists/{event_id}",
            get(claims::claims).post(claims::close_unclaimed),
        )
        .route(
            "/internal/reservations/exists/{event_id}/version",
            post(claims::raise_version),
        );
    let payment = Router::new()
        .route("/internal/reservations/{id}", get(reservation::reservation))
        .route(
            "/internal/reservations/{id}/payment-lock",
            post(payment_lock::payment_lock),
        )
        .route(
            "/internal/reservations/{id}/payment-unlock",
            post(payment_unlock::payment_unlock),
        );
    guard(queue, verifier, &[Service::Queue])
        .merge(guard(event, verifier, &[Service::Event]))
        .merge(guard(payment, verifier, &[Service::Payment]))
        .with_state(state.clone())
}
