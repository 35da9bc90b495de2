//! The outbox against real PostgreSQL and Kafka.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests fail by panicking")]

mod bench;
mod consumer;
mod dead_letters;
mod order;
mod outages;
mod parking;
mod propagation;
mod retention;
mod takeover;
mod topics;
mod workers;
