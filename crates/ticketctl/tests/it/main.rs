//! The operator's command line as a process, against real PostgreSQL and Kafka.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests fail by panicking")]

mod accounts;
mod audit;
mod bookings;
mod command;
mod dead_letters;
mod help;
mod outbox;
mod queue;
mod setup;
mod status;
