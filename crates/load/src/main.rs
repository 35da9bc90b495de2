//! `onsale`: what `cargo xtask onsale` starts once the system is up.
#![expect(clippy::print_stderr, reason = "a command line talks to people")]

use clap::Parser;
use common::config::Env;
use load::onsale::{Options, run};
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// Sells out a hall to a crowd and tells whether it was fair and exact. The environment is the user service's; what is usual is
/// known to `cargo xtask onsale`.
#[derive(Debug, Parser)]
struct Cli {
    /// The state file that `cargo xtask up` wrote.
    #[arg(long)]
    state: PathBuf,
    /// Where the reports go.
    #[arg(long, default_value = "target/onsale")]
    reports: PathBuf,
    /// How many come.
    #[arg(long)]
    buyers: usize,
    /// How many seats there are.
    #[arg(long)]
    seats: usize,
    /// Decides who does what.
    #[arg(long)]
    seed: u64,
    /// All come within so many seconds.
    #[arg(long)]
    entry_seconds: f64,
    /// It ends after so many minutes, sold out or not.
    #[arg(long)]
    minutes: f64,
    /// Of a hundred buyers, how many read the stream instead of polling.
    #[arg(long)]
    stream_percent: u32,
    /// How many connections the buyers share.
    #[arg(long, default_value_t = 512)]
    connections: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    // As many connections as the system lets us have; too few show as failures.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match onsale(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn onsale(cli: Cli) -> anyhow::Result<bool> {
    let env = Env::from_process()?;
    let options = Options {
        state: cli.state,
        reports: cli.reports,
        buyers: cli.buyers,
        seats: cli.seats,
        seed: cli.seed,
        entry: Duration::try_from_secs_f64(cli.entry_seconds)?,
        limit: Duration::try_from_secs_f64(cli.minutes * 60.0)?,
        stream_percent: cli.stream_percent,
        connections: cli.connections,
    };
    run(&env, options).await
}
