//! How many stand in each line, as the queue service tells Prometheus.

use std::{collections::HashMap, time::Duration};

use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use crate::exposition;

/// What is said later is not waited for: settings are shown without it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the queue service is.
#[derive(Debug, Args)]
pub(super) struct QueueService {
    #[arg(
        id = "queue_url",
        long = "queue-url",
        env = "QUEUE_SERVICE_URL",
        default_value = "http://127.0.0.1:8083"
    )]
    url: String,
}

/// One line's crowd.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Crowd {
    pub(super) waiting: f64,
    pub(super) active: f64,
}

/// Every line's crowd. A line that nobody stands in may be missing.
#[derive(Debug)]
pub(super) struct Crowds(Option<HashMap<Uuid, Crowd>>);

impl Crowds {
    /// Of one line; none where the service could not be asked.
    pub(super) fn of(&self, event: Uuid) -> Option<Crowd> {
        self.0
            .as_ref()
            .map(|crowds| crowds.get(&event).copied().unwrap_or_default())
    }
}

impl QueueService {
    /// Asks it.
    pub(super) async fn crowds(&self) -> Crowds {
        Crowds(self.page().await.ok().map(|page| read(&page)))
    }

    async fn page(&self) -> reqwest::Result<String> {
        common::lifecycle::install_tls_provider();
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        let url = format!("{}/metrics", self.url.trim_end_matches('/'));
        client.get(url).send().await?.error_for_status()?.text().await
    }
}

fn read(page: &str) -> HashMap<Uuid, Crowd> {
    let samples = exposition::parse(page);
    let mut crowds: HashMap<Uuid, Crowd> = HashMap::new();
    for name in ["queue_waiting", "queue_active"] {
        for sample in exposition::of(&samples, name) {
            let Some(event) = sample.label("event").and_then(|event| event.parse().ok()) else {
                continue;
            };
            let crowd = crowds.entry(event).or_default();
            if name == "queue_waiting" {
                crowd.waiting = sample.value;
            } else {
                crowd.active = sample.value;
            }
        }
    }
    crowds
}

/// In words.
pub(super) fn words(crowd: Option<Crowd>) -> String {
    crowd.map_or_else(
        || "the queue service does not answer".to_owned(),
        |crowd| format!("{:>6} waiting, {:>5} shopping", crowd.waiting, crowd.active),
    )
}
