//! What needs real servers.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod db;
mod redis_cluster;
mod service_client;
mod traces;
