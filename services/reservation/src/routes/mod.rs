//! The table of contents: every route with who may call it.

mod cancel_reservation;
mod change_hold;
mod get_reservation;
mod get_seat_map;
pub(crate) mod hold_problems;
pub(crate) mod hold_seats;
mod internal;
mod issue_payment_token;
mod list_reservations;
mod problems;
mod release_hold;
mod reservation_view;
mod stats;

use crate::state::AppState;
use common::internal_auth::{Service, Verifier, guard_api};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use internal::router as internal;

/// What clients may call, with its documentation.
pub(crate) fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_seat_map::get_seat_map))
        .routes(routes!(hold_seats::hold_seats))
        .routes(routes!(change_hold::change_hold, release_hold::release_hold))
        .routes(routes!(issue_payment_token::issue_payment_token))
        .routes(routes!(list_reservations::list_reservations))
        .routes(routes!(stats::stats))
        .routes(routes!(
            get_reservation::get_reservation,
            cancel_reservation::cancel_reservation
        ))
}

/// What clients call, through the gateway.
pub(crate) fn public(state: &AppState, verifier: &Verifier) -> OpenApiRouter {
    guard_api(documented(), verifier, &[Service::Gateway]).with_state(state.clone())
}
