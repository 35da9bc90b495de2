//! What the tests stand on: real PostgreSQL, Redis and Kafka, isolated per test, and real services in this process.
//!
//! The servers are started once, by `cargo xtask test` or `cargo xtask up --infra-only`; their addresses come from
//! `TICKET_QUEUE_POSTGRES_URL`, `TICKET_QUEUE_REDIS_URL` and `TICKET_QUEUE_KAFKA` and default to the ports of those commands.
//! [`TestEnv`] gives each test a database of its own, copied from a migrated template, a logical Redis database and a prefix
//! for topics and consumer groups, so that tests run side by side.
//!
//! A failed set-up panics: that is how a test says that it could not even begin.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail loudly"
)]

mod api;
mod collector;
mod env;
mod eventually;
pub mod measure;
mod ports;
mod redis;
mod running;
pub mod servers;

pub use api::{Api, Reply};
pub use collector::{Collector, SpanSeen};
pub use env::{Login, Servers, TestEnv};
pub use eventually::eventually;
pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind as SeenKind;
pub use ports::free_port;
pub use redis::connect_redis;
pub use running::Running;
