//! The payment service against a real database, Kafka and the simulator of PortOne. One binary, one file per behaviour.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up must fail loudly")]

mod asynchronous_cancellations;
mod changed_reservations;
mod market;
mod messages_in;
mod paying;
mod portone;
mod reading;
mod reconciling;
mod refunding;
mod stats;
mod stuck_sagas;
mod transitions;
mod undecided;
mod unknown_words;
mod webhooks;
mod world;
