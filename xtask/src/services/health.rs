//! Asking a process whether it may be used.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// A client for local addresses.
pub(crate) fn http_client() -> Result<reqwest::Client> {
    // Nothing here is encrypted, but a client cannot be made without a provider; the second call finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .no_proxy();
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
