//! Writes a file with one buyer's access token a line, for loads that are not written in Rust: `buyers <count> <file>`.
//!
//! Runs with the user service's environment. The tokens are good for as long as `ACCESS_TOKEN_TTL_SECONDS` says, and nobody but
//! the file's owner may read them.

use anyhow::Context;
use clap::Parser;
use common::config::Env;
use load::accounts;
use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

/// Sees that there are so many accounts, and writes an access token of each.
#[derive(Debug, Parser)]
struct Arguments {
    count: usize,
    file: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { count, file } = Arguments::parse();
    let buyers = accounts::seed(&Env::from_process()?, "guest", count).await?;
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let lines: String = buyers.iter().map(|buyer| format!("{}\n", buyer.token)).collect();
    out.write_all(lines.as_bytes())?;
    Ok(())
}
