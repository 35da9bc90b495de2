//! From a committed change to its effect in another service (design.md §7), exactly once and per key in order.
//!
//! 1. The producer changes its rows and [`enqueue`]s a message in one transaction, which [`Outbox::commit`] commits. It
//!    has locked the row that the message's key names before, so that the rows' `seq` is the key's commit order.
//! 2. The [`Relay`] of that service, woken by the commit, sends the rows to Kafka and marks them afterwards. Between the
//!    two it may die, so a message may be sent twice; it is never lost.
//! 3. A [`Consumer`] takes messages of a partition one after the other. One transaction holds the message's id in the
//!    inbox and what the [`Handler`] did; the Kafka offset is stored after it. A repetition finds its id and does nothing.
//! 4. What cannot be handled goes to the dead-letter topic, and the partition goes on. An outage of the database, the
//!    broker or a dependency is waited out instead: it is not the message's fault.
//!
//! [`Retention`] deletes what is old. The statements are checked at run time, not at compile time, because the unqualified
//! inbox means the table of whichever service uses this crate; the tests run every one of them.

mod backoff;
mod commit;
mod config;
mod consumer;
mod enqueue;
pub mod headers;
mod kafka;
mod relay;
mod retention;
mod sender;
mod spans;
pub mod topics;

pub use commit::Outbox;
pub use config::{Config, ConsumerConfig, RelayConfig, RetentionConfig};
pub use consumer::{Consumer, Handled, Handler, HandlerError};
pub use enqueue::{enqueue, enqueue_all};
pub use kafka::{KafkaConfig, Logged};
pub use relay::Relay;
pub use retention::Retention;
