//! The loops of this service that are its own; relay, consumers and retention are of `outbox`.

mod purge_idempotency_keys;

pub(crate) use purge_idempotency_keys::purge_idempotency_keys;
