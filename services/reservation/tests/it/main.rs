//! The reservation service over HTTP, Redis and Kafka. Event, queue and payment service are stood in for by one small
//! server that answers their internal routes, so that each test says what they know and when they are down; the real ones
//! meet this service in the whole-system tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

mod cancellation;
mod catalogue;
mod changing;
mod changing_races;
mod closing;
mod cluster;
mod expiry;
mod helpers;
mod hold_races;
mod holds;
mod idempotency;
mod internal;
mod lost_commit;
mod messages;
mod neighbours;
mod payment_locks;
mod reading;
mod rebuild;
mod redis_holds;
mod refund_reminders;
mod seat_map;
mod stats;
