//! The loops of this service that are its own; relay, consumers and retention are of `outbox`. Every replica runs each.

mod ask_payments;
mod close_events;
mod expire_holds;
mod purge_idempotency_keys;
mod rebuild_holds;
mod remind_of_refunds;
mod settle_holds;

pub(crate) use ask_payments::ask_payments;
pub(crate) use close_events::close_events;
pub(crate) use expire_holds::expire_holds;
pub(crate) use purge_idempotency_keys::purge_idempotency_keys;
pub(crate) use rebuild_holds::rebuild_holds;
pub(crate) use remind_of_refunds::remind_of_refunds;
pub(crate) use settle_holds::settle_holds;
