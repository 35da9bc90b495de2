//! The gateway as a black box: real HTTP and raw sockets in front of it, a real Redis beside it, and behind it a stand-in for
//! the services that checks the internal credential and records what arrives.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail loudly"
)]

mod forged;
mod helpers;
mod load;
mod secure;
mod wire;
mod wire_http2;

mod bodies;
mod breaker;
mod cluster;
mod connections;
mod cors;
mod drain;
mod forwarding;
mod gone;
mod http2;
mod identity;
mod matrix;
mod own_routes;
mod paths;
mod queue_tokens;
mod rate_limits;
mod redis_down;
mod replicas;
mod rotation;
mod security;
mod server_errors;
mod slow;
mod tls;
mod tokens;
mod upstream_failures;
mod upstream_lies;
