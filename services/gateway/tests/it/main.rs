//! The gateway as a black box: real HTTP and raw sockets in front of it, a real Redis beside it, and behind it a stand-in for
//! the services that checks the internal credential and records what arrives.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail loudly"
)]

mod helpers;

mod bodies;
mod connections;
mod cors;
mod forwarding;
mod identity;
mod own_routes;
mod paths;
mod queue_tokens;
mod rate_limits;
mod redis_down;
mod tokens;
mod upstream_failures;
