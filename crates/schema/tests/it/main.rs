//! The database's walls, against a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod fixture;
mod isolation;
mod migration;
mod outbox_rows;
