//! Asking a process whether it may be used.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::tls_authority;
use crate::workspace::Workspace;

/// A client for local addresses, also those of `up --tls`.
pub(crate) fn http_client() -> Result<reqwest::Client> {
    // A client cannot be made without a provider; the second call finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .no_proxy();
    if let Ok(authority) = fs::read(tls_authority(&Workspace::find()?)) {
        client = client.tls_certs_merge([reqwest::Certificate::from_pem(&authority)?]);
    }
    client.build().context("cannot make an HTTP client")
}

/// Fails with the reason while a health path does not answer 200.
pub(crate) async fn is_ready(client: &reqwest::Client, url: &str) -> Result<()> {
    let reply = client
        .get(url)
        .timeout(Duration::from_secs(3))
        .send()
        .await
        .map_err(reqwest::Error::without_url)?;
    let status = reply.status();
    ensure!(
        status.is_success(),
        "{url} answers {status}: {}",
        reply.text().await.unwrap_or_default()
    );
    Ok(())
}
