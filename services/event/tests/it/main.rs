//! The event service over HTTP and Kafka, as its neighbours see it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

mod caching;
mod cancelling;
mod create_event;
mod deleting;
mod halls;
mod helpers;
mod idempotency;
mod internal;
mod list_events;
mod list_model;
mod openapi;
mod posters;
mod refusals;
mod reservations;
mod sales;
mod seat_map;
mod update_event;
mod venues;
