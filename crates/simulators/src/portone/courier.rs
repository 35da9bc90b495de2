//! Each webhook is posted until somebody answers 2xx, at most six times, under one `webhook-id` and with the same body;
//! only the sending time and so the signature are new each time. Nothing is ordered: a copy leaves when its time has come.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::signing::{SigningKey, webhook_signature};
use super::webhook_log::{WebhookLog, WebhookStatus};
use super::webhooks::Webhook;
use crate::faults::SignWith;
use crate::{Clock, SimulatorConfig};

/// PortOne's waits before its second to sixth attempt, in minutes.
const RETRY_WAITS: [u32; 5] = [1, 4, 16, 64, 256];
/// Both for the connection and for the answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Posts under way at once, so that an on-sale does not use up our sockets.
const PARALLEL_POSTS: usize = 64;

/// Where webhooks are handed in.
pub(crate) struct Webhooks {
    handed_in: UnboundedSender<Webhook>,
    pub(crate) post: Arc<Post>,
    pub(crate) log: Arc<WebhookLog>,
}

/// Carries webhooks to their receiver.
pub(crate) struct Courier {
    handed_in: UnboundedReceiver<Webhook>,
    post: Arc<Post>,
}

/// One way to the receiver.
pub(crate) struct Post {
    client: reqwest::Client,
    pub(crate) url: String,
    keys: Vec<SigningKey>,
    retry_unit: Duration,
    clock: Clock,
    permits: Semaphore,
    log: Arc<WebhookLog>,
}

/// What somebody who waits for a webhook's first attempt holds.
pub(super) struct FirstAttempt(pub(super) Arc<Semaphore>);

impl FirstAttempt {
    pub(super) async fn ended(&self) {
        // Nobody closes the semaphore.
        let _ = self.0.acquire().await;
    }
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
    let log = Arc::new(WebhookLog::new(config.portone_webhook_url.clone()));
    let post = Arc::new(Post {
        client,
        url: config.portone_webhook_url.clone(),
        keys,
        retry_unit: config.portone_webhook_retry_unit,
        clock: config.clock.clone(),
        permits: Semaphore::new(PARALLEL_POSTS),
        log: Arc::clone(&log),
    });
    let webhooks = Webhooks {
        handed_in: sender,
        post: Arc::clone(&post),
        log,
    };
    Ok((webhooks, Courier { handed_in, post }))
}

impl Webhooks {
    pub(super) fn hand_in(&self, webhook: Webhook) {
        // The courier is gone only while the process is stopping.
        drop(self.handed_in.send(webhook));
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
        let answered = self
            .send(&webhook.id, timestamp, &webhook.body, webhook.sign_with)
            .await;
        let status = WebhookStatus::of(answered);
        self.log.note(webhook, status, answered);
        webhook.first_attempt.add_permits(1);
        if status != WebhookStatus::Succeeded {
            tracing::info!(webhook.id = webhook.id, status = answered, "a webhook was not taken");
        }
        status == WebhookStatus::Succeeded
    }

    /// One post; the receiver's HTTP status, if there was an answer.
    pub(crate) async fn send(&self, id: &str, timestamp: i64, body: &[u8], sign_with: SignWith) -> Option<u16> {
        let keys = match sign_with {
            SignWith::All => self.keys.clone(),
            SignWith::Present => self.keys.iter().take(1).cloned().collect(),
            SignWith::Previous if self.keys.len() > 1 => self.keys.iter().skip(1).cloned().collect(),
            SignWith::Previous | SignWith::Wrong => vec![SigningKey::of_nobody()],
        };
        let answer = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", webhook_signature(&keys, id, timestamp, body))
            .body(body.to_vec())
            .send()
            .await;
        match answer {
            Ok(answer) => Some(answer.status().as_u16()),
            Err(error) => {
                tracing::info!(webhook.id = id, %error, "a webhook could not be delivered");
                None
            }
        }
    }
}

/// `wait` give or take a fifth, as senders spread their retries.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.8..=1.2))
}
