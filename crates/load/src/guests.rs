//! Buyers for loads that are not written in Rust.

use crate::accounts;
use anyhow::Context;
use common::config::Env;
use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// Sees that there are so many accounts, and writes an access token of each. The tokens are good for as long as
/// `ACCESS_TOKEN_TTL_SECONDS` says, and nobody but the file's owner may read them.
///
/// # Errors
/// When there cannot be so many accounts, or the file cannot be written.
pub async fn write(env: &Env, count: usize, file: &Path) -> anyhow::Result<()> {
    let buyers = accounts::seed(env, "guest", count).await?;
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let lines: String = buyers.iter().map(|buyer| format!("{}\n", buyer.token)).collect();
    out.write_all(lines.as_bytes())?;
    Ok(())
}
