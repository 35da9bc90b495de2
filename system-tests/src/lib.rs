//! The whole system as its users and operators see it: six services and the simulators as processes of their own, real
//! PostgreSQL, Redis and Kafka, reached through the gateway, and killed at their worst moments.
//!
//! - [`System`] starts, kills and restarts the processes, each system on its own database, Redis database and topics.
//! - [`Buyer`] and [`Admin`] walk journeys through the gateway.
//! - [`Books`] checks what must hold when everything has come to rest (`design.md` §9).
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail loudly"
)]

mod admin;
mod books;
mod buyer;
mod process;
mod system;

pub use admin::{Admin, Sale};
pub use books::{Books, count};
pub use buyer::{Buyer, Hold, Outcome};
pub use process::Part;
pub use system::System;
