//! Crowds and interleavings: whole services in this process, over real PostgreSQL, Redis and Kafka, with far more going on
//! at once than a journey has.
//!
//! They have a binary of their own because they link every service. What runs by default and what more can be asked for
//! stands in `docs/testing.md`.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail loudly, and what a run came to is shown"
)]

mod crowd;
mod generous;
mod house;
mod interleavings;
mod oracle;
mod settings;
mod storm;
mod town;
