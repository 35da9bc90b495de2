//! Webhooks, version `2024-04-25`: who was changed and how, never by how much. What is written here is carried by the
//! courier.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::courier::FirstAttempt;
use super::webhook_log::{Entry, Trigger};
use crate::faults::{SignWith, add_fields};
use crate::state::Simulators;

/// What happened to a payment.
pub(crate) enum EventKind {
    Ready,
    PayPending,
    VirtualAccountIssued,
    Paid,
    Failed,
    CancelPending { cancellation_id: String },
    Cancelled { cancellation_id: String },
}

#[derive(Serialize)]
struct Event<'a> {
    r#type: &'static str,
    timestamp: String,
    data: EventData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventData<'a> {
    store_id: &'a str,
    payment_id: &'a str,
    transaction_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_id: Option<&'a str>,
}

/// A webhook on its way.
pub(crate) struct Webhook {
    pub(super) id: String,
    pub(super) payment_id: String,
    pub(super) body: Bytes,
    /// One for each copy.
    pub(super) departures: Vec<Duration>,
    pub(super) sign_with: SignWith,
    /// Has a permit once the first attempt at the first copy has ended.
    pub(super) first_attempt: Arc<Semaphore>,
}

impl Simulators {
    /// Tells the customer's server that something happened to a payment. Never fails: a webhook may always get lost. It
    /// waits for the delivery only if the faults say that webhooks come before replies.
    pub(crate) async fn announce(&self, kind: &EventKind, payment_id: &str) {
        let Some(payment) = self.payments.find(payment_id) else {
            return;
        };
        let (Some(attempt), Some(payment_status)) = (&payment.attempt, payment.status()) else {
            return;
        };
        let (r#type, cancellation_id) = match kind {
            EventKind::Ready => ("Transaction.Ready", None),
            EventKind::PayPending => ("Transaction.PayPending", None),
            EventKind::VirtualAccountIssued => ("Transaction.VirtualAccountIssued", None),
            EventKind::Paid => ("Transaction.Paid", None),
            EventKind::Failed => ("Transaction.Failed", None),
            EventKind::CancelPending { cancellation_id } => {
                ("Transaction.CancelPending", Some(cancellation_id.as_str()))
            }
            EventKind::Cancelled { cancellation_id } if payment.cancelled() < attempt.total => {
                ("Transaction.PartialCancelled", Some(cancellation_id.as_str()))
            }
            EventKind::Cancelled { cancellation_id } => ("Transaction.Cancelled", Some(cancellation_id.as_str())),
        };
        let event = Event {
            r#type,
            timestamp: attempt.changed_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            data: EventData {
                store_id: &self.config.portone_store_id,
                payment_id,
                transaction_id: &attempt.transaction_id,
                cancellation_id,
            },
        };
        let fate = self.faults.next_webhook();
        let mut body = json!(event);
        if fate.unknown_type {
            body["type"] = json!("Transaction.NotKnownYet");
        }
        if fate.extra_fields {
            add_fields(&mut body);
        }
        let webhook = Webhook {
            id: format!("wh_{}", Uuid::new_v4().simple()),
            payment_id: payment_id.to_owned(),
            body: body.to_string().into(),
            departures: fate.departures,
            sign_with: fate.sign_with,
            first_attempt: Arc::new(Semaphore::new(0)),
        };
        let entry = Entry::new(&webhook, payment_status, Trigger::StatusChange, self.config.clock.now());
        self.webhooks.log.add(entry);
        let first_attempt = (fate.before_reply && !webhook.departures.is_empty())
            .then(|| FirstAttempt(Arc::clone(&webhook.first_attempt)));
        self.webhooks.hand_in(webhook);
        if let Some(first_attempt) = first_attempt {
            first_attempt.ended().await;
        }
    }
}
