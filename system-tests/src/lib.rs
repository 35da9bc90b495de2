//! The whole system as its users and operators see it: six services and the simulators as processes of their own, real
//! PostgreSQL, Redis and Kafka, reached through the gateway, and killed at their worst moments.
//!
//! - [`System`] starts, kills and restarts the processes, each system on its own database, Redis database and topics; a
//!   process can be made to die at a named point of its code.
//! - [`Cell`] is another process of every service beside a system's first, sharing everything.
//! - [`Buyer`] and [`Admin`] walk journeys through the gateway.
//! - [`System::audit`] checks what must hold when everything has come to rest (`design.md` §9), by the operators' own audit,
//!   and gives the [`Books`] for questions of a test's own.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail loudly"
)]

mod admin;
mod books;
mod buyer;
mod cell;
mod crash;
mod process;
mod system;

pub use admin::{Admin, Sale};
pub use books::{Books, count};
pub use buyer::{Buyer, Hold, Outcome};
pub use cell::Cell;
pub use process::Part;
pub use system::{ADMIN_EMAIL, ADMIN_PASSWORD, System};
