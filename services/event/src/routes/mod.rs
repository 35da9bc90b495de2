//! The table of contents: every route with who may call it.

mod cancel_event;
mod create_event;
mod create_hall;
mod create_venue;
mod created;
mod delete_event;
mod delete_hall;
mod delete_venue;
mod etag;
mod get_event;
mod get_seat_map;
mod get_venue;
mod if_match;
mod internal_event;
mod internal_seat_catalogue;
mod internal_sold_seats;
pub(crate) mod list_events;
mod list_halls;
mod list_venues;
mod problems;
mod put_poster;
mod stats;
mod update_event;
mod update_hall;
mod update_venue;

use crate::state::AppState;
use axum::{Router, extract::DefaultBodyLimit, routing::get};
use common::internal_auth::{Service, Verifier, guard, guard_api};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What clients may call, with its documentation. The size of a poster's file is none of it.
pub(crate) fn documented(poster_bytes: usize) -> OpenApiRouter<AppState> {
    let posters = OpenApiRouter::new()
        .routes(routes!(put_poster::put_poster))
        .layer(DefaultBodyLimit::max(poster_bytes));
    OpenApiRouter::new()
        .routes(routes!(list_venues::list_venues, create_venue::create_venue))
        .routes(routes!(
            get_venue::get_venue,
            update_venue::update_venue,
            delete_venue::delete_venue
        ))
        .routes(routes!(list_halls::list_halls, create_hall::create_hall))
        .routes(routes!(update_hall::update_hall, delete_hall::delete_hall))
        .routes(routes!(list_events::list_events, create_event::create_event))
        .routes(routes!(
            get_event::get_event,
            update_event::update_event,
            delete_event::delete_event
        ))
        .routes(routes!(cancel_event::cancel_event))
        .routes(routes!(stats::stats))
        .merge(posters)
        .routes(routes!(get_seat_map::get_seat_map))
}

/// What clients call, through the gateway.
pub(crate) fn public(state: &AppState, verifier: &Verifier, poster_bytes: usize) -> OpenApiRouter {
    guard_api(documented(poster_bytes), verifier, &[Service::Gateway]).with_state(state.clone())
}

/// What other services call.
pub(crate) fn internal(state: &AppState, verifier: &Verifier) -> Router {
    let sale_window = Router::new().route("/internal/events/{event_id}", get(internal_event::event));
    let seats = Router::new()
        .route(
            "/internal/events/{event_id}/seats",
            get(internal_seat_catalogue::seat_catalogue),
        )
        .route(
            "/internal/seats/status/{event_id}",
            get(internal_sold_seats::sold_seats),
        );
    guard(sale_window, verifier, &[Service::Queue, Service::Reservation])
        .merge(guard(seats, verifier, &[Service::Reservation]))
        .with_state(state.clone())
}
