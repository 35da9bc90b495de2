//! PortOne's ledger, as the simulators show it (design.md §16).

use std::{collections::HashMap, time::Duration};

use anyhow::Context;
use serde::Deserialize;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A payment as PortOne booked it; amounts in won.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    payment_id: String,
    /// What was charged, whether or not it was given back.
    pub(super) captured: i64,
    /// What of it was given back.
    pub(super) cancelled: i64,
}

/// The entries in which money moved.
pub(super) struct Ledger {
    /// By our payment's id.
    pub(super) ours: HashMap<Uuid, Entry>,
    /// Those under ids that cannot be ours.
    pub(super) strange: Vec<String>,
}

impl Ledger {
    pub(super) async fn fetch(url: &str) -> anyhow::Result<Self> {
        common::lifecycle::install_tls_provider();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .context("cannot make a client")?;
        let entries: Vec<Entry> = async { client.get(url).send().await?.error_for_status()?.json().await }
            .await
            .context("cannot read PortOne's ledger; --without-portone audits our books alone")?;
        let mut ledger = Self {
            ours: HashMap::new(),
            strange: Vec::new(),
        };
        for entry in entries
            .into_iter()
            .filter(|entry| entry.captured != 0 || entry.cancelled != 0)
        {
            match Uuid::try_parse(&entry.payment_id) {
                Ok(id) => {
                    ledger.ours.insert(id, entry);
                }
                Err(_) => ledger.strange.push(entry.payment_id),
            }
        }
        Ok(ledger)
    }
}
