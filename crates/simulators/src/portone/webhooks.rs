//! Webhooks, version `2024-04-25`: who was changed and how, never by how much.
//!
//! Each is posted until somebody answers 2xx, at most six times, under one `webhook-id` and with the same body; only
//! the sending time and so the signature are new each time. Nothing is ordered: a copy leaves when its time has come.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use chrono::SecondsFormat;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::signing::{SigningKey, webhook_signature};
use crate::state::Simulators;
use crate::{Clock, SimulatorConfig};

/// PortOne's waits before its second to sixth attempt, in minutes.
const RETRY_WAITS: [u32; 5] = [1, 4, 16, 64, 256];
/// Both for the connection and for the answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Posts under way at once, so that an on-sale does not use up our sockets.
const PARALLEL_POSTS: usize = 64;

pub(crate) enum EventKind {
    Ready,
    Paid,
    Failed,
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

struct Webhook {
    id: String,
    body: Bytes,
    /// One for each copy.
    departures: Vec<Duration>,
}

/// Where webhooks are handed in.
pub(crate) struct Webhooks(UnboundedSender<Webhook>);

/// Carries webhooks to their receiver.
pub(crate) struct Courier {
    handed_in: UnboundedReceiver<Webhook>,
    post: Arc<Post>,
}

struct Post {
    client: reqwest::Client,
    url: String,
    keys: Vec<SigningKey>,
    retry_unit: Duration,
    clock: Clock,
    permits: Semaphore,
}

pub(crate) fn open(config: &SimulatorConfig) -> anyhow::Result<(Webhooks, Courier)> {
    let keys = config
        .portone_webhook_secrets
        .iter()
        .map(|secret| SigningKey::parse(secret).context("PORTONE_WEBHOOK_SECRET is not base64 behind whsec_"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    // Fails if one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(TIMEOUT)
        .read_timeout(TIMEOUT)
        .no_proxy()
        .build()?;
    let (sender, handed_in) = unbounded_channel();
    let post = Arc::new(Post {
        client,
        url: config.portone_webhook_url.clone(),
        keys,
        retry_unit: config.portone_webhook_retry_unit,
        clock: config.clock.clone(),
        permits: Semaphore::new(PARALLEL_POSTS),
    });
    Ok((Webhooks(sender), Courier { handed_in, post }))
}

impl Simulators {
    /// Tells the customer's server that something happened to a payment. Never fails: a webhook may always get lost.
    pub(crate) fn announce(&self, kind: &EventKind, payment_id: &str) {
        let Some(payment) = self.payments.find(payment_id) else {
            return;
        };
        let Some(attempt) = &payment.attempt else { return };
        let (r#type, cancellation_id) = match kind {
            EventKind::Ready => ("Transaction.Ready", None),
            EventKind::Paid => ("Transaction.Paid", None),
            EventKind::Failed => ("Transaction.Failed", None),
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
        match serde_json::to_vec(&event) {
            // The courier is gone only while the process is stopping.
            Ok(body) => drop(self.webhooks.0.send(Webhook {
                id: format!("wh_{}", Uuid::new_v4().simple()),
                body: body.into(),
                departures: self.faults.webhook_departures(),
            })),
            Err(error) => tracing::error!(%error, "a webhook could not be written"),
        }
    }
}

impl Courier {
    /// Runs until it is dropped, and takes what is still under way with it.
    pub(crate) async fn deliver_forever(mut self) {
        let mut deliveries = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = deliveries.join_next(), if !deliveries.is_empty() => {}
                webhook = self.handed_in.recv() => {
                    let Some(webhook) = webhook else { return std::future::pending().await };
                    let webhook = Arc::new(webhook);
                    for departure in webhook.departures.clone() {
                        deliveries.spawn(Arc::clone(&self.post).deliver(Arc::clone(&webhook), departure));
                    }
                }
            }
        }
    }
}

impl Post {
    async fn deliver(self: Arc<Self>, webhook: Arc<Webhook>, departure: Duration) {
        tokio::time::sleep(departure).await;
        for wait in RETRY_WAITS {
            if self.arrives(&webhook).await {
                return;
            }
            tokio::time::sleep(jittered(self.retry_unit * wait)).await;
        }
        if !self.arrives(&webhook).await {
            tracing::warn!(webhook.id = webhook.id, "a webhook was given up");
        }
    }

    async fn arrives(&self, webhook: &Webhook) -> bool {
        let Ok(_permit) = self.permits.acquire().await else {
            return false;
        };
        let timestamp = self.clock.now().timestamp();
        let answer = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &webhook.id)
            .header("webhook-timestamp", timestamp)
            .header(
                "webhook-signature",
                webhook_signature(&self.keys, &webhook.id, timestamp, &webhook.body),
            )
            .body(webhook.body.clone())
            .send()
            .await;
        match answer {
            Ok(answer) if answer.status().is_success() => true,
            Ok(answer) => {
                tracing::info!(
                    webhook.id = webhook.id,
                    status = answer.status().as_u16(),
                    "a webhook was refused"
                );
                false
            }
            Err(error) => {
                tracing::info!(webhook.id = webhook.id, %error, "a webhook could not be delivered");
                false
            }
        }
    }
}

/// `wait` give or take a fifth, as senders spread their retries.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.8..=1.2))
}
