//! PortOne V2 (external-apis.md §B): pre-registration of the amount, manual approval with the buyer's payment token, reading a
//! payment, giving the money back, and the signature of its webhooks. This module knows PortOne and nothing of our rows.

mod cancel;
mod client;
mod confirm;
mod error;
mod get;
mod idempotency_key;
mod payment;
mod pre_register;
mod webhook_signature;

pub(crate) use cancel::Cancel;
pub(crate) use client::{PortoneClient, PortoneConfig};
pub(crate) use confirm::Confirm;
pub(crate) use error::{PortoneError, Refusal};
pub(crate) use idempotency_key::IdempotencyKey;
pub(crate) use payment::{CancellationStatus, ChannelKind, PortonePayment, PortoneStatus};
pub(crate) use webhook_signature::{WebhookHeaders, WebhookSecret, verify};

#[cfg(test)]
pub(crate) use payment::{Amount, Channel};
#[cfg(test)]
mod tests;
