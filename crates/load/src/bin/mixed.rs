//! `cargo xtask bench mixed` starts it once the system is up (`load::mixed`).

use clap::Parser;
use common::config::Env;
use load::mixed::{Load, run};
use std::path::PathBuf;

#[derive(Debug, Parser)]
struct Arguments {
    /// The state file that `cargo xtask up` wrote.
    #[arg(long)]
    state: PathBuf,
    /// Shorter; the figures mean little.
    #[arg(long)]
    quick: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let Arguments { state, quick } = Arguments::parse();
    run(&Env::from_process()?, &state, &Load::mixed(quick)).await
}
