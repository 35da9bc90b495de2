//! One binary for all tests of the whole system; each file is one theme.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod bad_input;
mod canary;
mod cancelled_event;
mod collisions;
mod crash;
mod doors;
mod journey;
mod killed;
mod operators;
mod operators_page;
mod outages;
mod races;
mod social_login;
mod strangers;
mod streams;
mod swapping;
mod traces;
