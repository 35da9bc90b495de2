//! The queue service over HTTP, on real PostgreSQL, Redis and Kafka. Event and reservation service are played by `neighbours`,
//! so that a test can sell seats, close sales and fail at will. The scripts have tests of their own beside them.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

mod administration;
mod admission;
mod cluster;
mod documents;
mod forgotten_second;
mod helpers;
mod journey;
mod loss;
mod many_events;
mod messages;
mod neighbours;
mod one_line_per_user;
mod outage;
mod putting_off;
mod refusals;
mod rejoining;
mod replicas;
mod samples;
mod streams;
