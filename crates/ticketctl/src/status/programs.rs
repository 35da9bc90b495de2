//! What each program says of itself: its readiness, and the numbers it shows to Prometheus.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::exposition::{self, Sample};

/// A program that needs longer to say that it is ready is not.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the programs are.
#[derive(Debug, Args)]
pub(super) struct Addresses {
    #[arg(long, env = "GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    gateway: String,
    #[arg(long, env = "USER_SERVICE_URL", default_value = "http://127.0.0.1:8081")]
    user: String,
    #[arg(long, env = "EVENT_SERVICE_URL", default_value = "http://127.0.0.1:8082")]
    event: String,
    #[arg(long, env = "QUEUE_SERVICE_URL", default_value = "http://127.0.0.1:8083")]
    queue: String,
    #[arg(long, env = "RESERVATION_SERVICE_URL", default_value = "http://127.0.0.1:8084")]
    reservation: String,
    #[arg(long, env = "PAYMENT_SERVICE_URL", default_value = "http://127.0.0.1:8085")]
    payment: String,
}

/// One program.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) ready: bool,
    /// Dependencies that are down, or why there is no answer.
    pub(super) trouble: Vec<String>,
    #[serde(skip)]
    pub(super) samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Readiness {
    status: String,
    #[serde(default)]
    checks: BTreeMap<String, String>,
}

impl Addresses {
    /// Asks all of them at once.
    pub(super) async fn ask(self) -> anyhow::Result<Vec<Program>> {
        common::lifecycle::install_tls_provider();
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        let programs = [
            ("gateway", self.gateway),
            ("user", self.user),
            ("event", self.event),
            ("queue", self.queue),
            ("reservation", self.reservation),
            ("payment", self.payment),
        ];
        // A service may have several processes, with commas between their addresses.
        let client = &client;
        let each = programs.iter().flat_map(|&(name, ref urls)| {
            let urls = urls.split(',').map(|url| url.trim().to_owned());
            urls.map(move |url| ask(client, name, url))
        });
        Ok(join_all(each).await)
    }
}

async fn ask(client: &reqwest::Client, name: &'static str, url: String) -> Program {
    let url = url.trim_end_matches('/').to_owned();
    let (readiness, samples) = tokio::join!(readiness(client, &url), samples(client, &url));
    let (ready, trouble) = match readiness {
        Ok(readiness) => (
            readiness.status == "UP",
            readiness
                .checks
                .into_iter()
                .filter(|(_, state)| state != "UP")
                .map(|(dependency, state)| format!("{dependency} {state}"))
                .collect(),
        ),
        Err(error) => (false, vec![reason(&error)]),
    };
    Program {
        name,
        url,
        ready,
        trouble,
        samples: samples.unwrap_or_default(),
    }
}

/// 503 has a body as well: that of a program that is not ready.
async fn readiness(client: &reqwest::Client, url: &str) -> reqwest::Result<Readiness> {
    client.get(format!("{url}/health/ready")).send().await?.json().await
}

async fn samples(client: &reqwest::Client, url: &str) -> reqwest::Result<Vec<Sample>> {
    let reply = client.get(format!("{url}/metrics")).send().await?.error_for_status()?;
    Ok(exposition::parse(&reply.text().await?))
}

fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else if error.is_connect() {
        "nobody listens".to_owned()
    } else {
        "its answer is no readiness".to_owned()
    }
}
