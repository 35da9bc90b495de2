//! The invariants of design.md §9 as questions to a running system's tables, and our books beside PortOne's.
//!
//! They are stated here once: for operators (`ticketctl audit`) and for tests, which ask an [`Auditor`] the same. All
//! questions see one moment of the database. Two kinds of rows are told apart: *broken* ones, which must not be, and *moving*
//! ones, about which something is still to happen. A system at work always has messages on their way, so a broken row counts
//! only if it is still there when the question is repeated for some seconds; the sums are compared only when nothing moves.

mod auditor;
mod books;
mod check;
mod command;
mod ledger;
mod report;

pub use auditor::Auditor;
pub(crate) use command::Audit;
pub use report::{Broken, Report, Row};
