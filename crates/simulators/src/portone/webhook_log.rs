//! What became of each payment's webhooks, as `webhooks[]` of the payment shows it. It is not kept over a restart.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::payment::PaymentStatus;
use super::webhooks::Webhook;
use crate::state::lock;

/// PortOne's first attempt and its five retries.
const MAX_EXECUTIONS: u32 = 6;
/// The latest of a payment are kept.
const KEPT: usize = 20;

pub(crate) struct WebhookLog {
    url: String,
    by_payment: Mutex<HashMap<String, Vec<Entry>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(super) id: String,
    payment_id: String,
    payment_status: PaymentStatus,
    trigger: Trigger,
    triggered_at: DateTime<Utc>,
    pub(super) body: Bytes,
    executions: u32,
    /// Of the last attempt.
    status: Option<WebhookStatus>,
    answered: Option<u16>,
}

/// What made PortOne send it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Trigger {
    StatusChange,
    Manual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum WebhookStatus {
    Succeeded,
    FailedNotOkResponse,
    FailedUnexpectedError,
}

impl WebhookStatus {
    pub(crate) fn of(answered: Option<u16>) -> Self {
        match answered {
            Some(200..=299) => Self::Succeeded,
            Some(_) => Self::FailedNotOkResponse,
            None => Self::FailedUnexpectedError,
        }
    }
}

impl Entry {
    pub(super) fn new(webhook: &Webhook, payment_status: PaymentStatus, trigger: Trigger, now: DateTime<Utc>) -> Self {
        Self {
            id: webhook.id.clone(),
            payment_id: webhook.payment_id.clone(),
            payment_status,
            trigger,
            triggered_at: now,
            body: webhook.body.clone(),
            executions: 0,
            status: None,
            answered: None,
        }
    }

    /// Whether PortOne sends it once more when asked to.
    pub(super) fn may_be_resent(&self) -> bool {
        self.executions < MAX_EXECUTIONS
    }
}

impl WebhookLog {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            by_payment: Mutex::default(),
        }
    }

    pub(super) fn add(&self, entry: Entry) {
        let by_payment = &mut *lock(&self.by_payment);
        let entries = by_payment.entry(entry.payment_id.clone()).or_default();
        if entries.len() == KEPT {
            entries.remove(0);
        }
        entries.push(entry);
    }

    /// An attempt has ended.
    pub(super) fn note(&self, webhook: &Webhook, status: WebhookStatus, answered: Option<u16>) {
        self.change(&webhook.payment_id, &webhook.id, |entry| {
            entry.executions += 1;
            // A copy that comes after one that was taken does not undo that.
            if entry.status != Some(WebhookStatus::Succeeded) {
                (entry.status, entry.answered) = (Some(status), answered);
            }
        });
    }

    /// An attempt that somebody asked for has ended; returns what is shown of the webhook then.
    pub(super) fn note_resent(&self, payment_id: &str, id: &str, answered: Option<u16>) -> Option<Value> {
        self.change(payment_id, id, |entry| {
            entry.executions += 1;
            entry.trigger = Trigger::Manual;
            (entry.status, entry.answered) = (Some(WebhookStatus::of(answered)), answered);
        });
        self.find(payment_id, Some(id)).map(|entry| self.shown(&entry))
    }

    fn change(&self, payment_id: &str, id: &str, change: impl FnOnce(&mut Entry)) {
        let by_payment = &mut *lock(&self.by_payment);
        let entries = by_payment.get_mut(payment_id).into_iter().flatten();
        if let Some(entry) = entries.into_iter().find(|entry| entry.id == id) {
            change(entry);
        }
    }

    /// The payment's webhook of that id, or its latest one.
    pub(super) fn find(&self, payment_id: &str, id: Option<&str>) -> Option<Entry> {
        let by_payment = lock(&self.by_payment);
        let mut entries = by_payment.get(payment_id)?.iter().rev();
        entries.find(|entry| id.is_none_or(|id| entry.id == id)).cloned()
    }

    /// `webhooks[]` of the payment.
    pub(super) fn of_payment(&self, payment_id: &str) -> Vec<Value> {
        let by_payment = lock(&self.by_payment);
        let entries = by_payment.get(payment_id).into_iter().flatten();
        entries.map(|entry| self.shown(entry)).collect()
    }

    fn shown(&self, entry: &Entry) -> Value {
        let mut shown = json!({
            "id": entry.id,
            "url": self.url,
            "paymentStatus": entry.payment_status,
            "currentExecutionCount": entry.executions,
            "maxExecutionCount": MAX_EXECUTIONS,
            "trigger": entry.trigger,
            "request": { "body": String::from_utf8_lossy(&entry.body) },
            "triggeredAt": entry.triggered_at,
        });
        if let Some(status) = entry.status {
            shown["status"] = json!(status);
        }
        if let Some(answered) = entry.answered {
            shown["response"] = json!({ "code": answered.to_string() });
        }
        shown
    }
}
