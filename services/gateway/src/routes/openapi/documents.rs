use crate::{
    proxy::{Backend, Proxy},
    route_table::RouteTable,
};
use anyhow::Context;
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// A service's document changes only when it is deployed.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// A document without one of the services is looked for again sooner.
const INCOMPLETE_FRESH_FOR: Duration = Duration::from_secs(2);
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// More is no document of ours.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The services' documents, merged when somebody asks.
pub(crate) struct Documents {
    proxy: Arc<Proxy>,
    table: RouteTable,
    own: Value,
    /// Held while fetching, so that many who ask at once cause one round.
    merged: Mutex<Option<Merged>>,
}

struct Merged {
    text: Bytes,
    until: Instant,
}

impl Documents {
    /// `own` is the gateway's part.
    pub(crate) fn new(proxy: Arc<Proxy>, table: RouteTable, own: Value) -> Self {
        Self {
            proxy,
            table,
            own,
            merged: Mutex::default(),
        }
    }

    /// The merged document as JSON. Services that do not answer are missing in it.
    pub(crate) async fn merged(&self) -> Bytes {
        let mut merged = self.merged.lock().await;
        if let Some(kept) = merged.as_ref().filter(|kept| Instant::now() < kept.until) {
            return kept.text.clone();
        }
        let fetched = join_all(Backend::ALL.map(|backend| self.fetch(backend))).await;
        let complete = fetched.iter().all(Option::is_some);
        let document = super::whole(self.own.clone(), fetched.into_iter().flatten(), &self.table);
        let text = Bytes::from(document.to_string());
        let fresh_for = if complete { FRESH_FOR } else { INCOMPLETE_FRESH_FOR };
        *merged = Some(Merged {
            text: text.clone(),
            until: Instant::now() + fresh_for,
        });
        text
    }

    async fn fetch(&self, backend: Backend) -> Option<(&'static str, Value)> {
        let fetching = async {
            let reply = self.proxy.get(backend, "/openapi.json").await?;
            anyhow::ensure!(reply.status().is_success(), "it answers {}", reply.status());
            let body = Limited::new(reply.into_body(), MAX_BYTES)
                .collect()
                .await
                .map_err(|error| anyhow::anyhow!(error))?;
            serde_json::from_slice(&body.to_bytes()).context("it sends no JSON")
        };
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, fetching)
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()));
        match fetched {
            Ok(document) => Some((backend.name(), document)),
            Err(error) => {
                tracing::warn!(
                    upstream.name = backend.service_name(),
                    error.message = %error,
                    "a service's document is missing in the merged one"
                );
                None
            }
        }
    }
}
