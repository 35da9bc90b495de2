//! `load`: what `cargo xtask onsale`, `load` and `bench mixed peak` start once the system is up. One program, because each is linked
//! with all that the user service is made of.
#![expect(clippy::print_stderr, reason = "a command line talks to people")]

use clap::{Args, Parser, Subcommand};
use common::config::Env;
use load::{
    guests,
    mixed::{self, Load},
    onsale,
};
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// Virtual buyers for a running system. The environment is the user service's.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    load: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Sells out a hall to a crowd and tells whether it was fair and exact.
    Onsale(OnsaleArgs),
    /// A thousand requests a second of all kinds.
    Mixed(Against),
    /// Five thousand requests a second of those who come and poll.
    Peak(Against),
    /// Writes a file with one buyer's access token a line, for loads that are not written in Rust.
    Buyers {
        /// How many.
        count: usize,
        /// Only its owner may read it.
        file: PathBuf,
    },
}

/// What is usual is known to `cargo xtask onsale`.
#[derive(Debug, Args)]
struct OnsaleArgs {
    /// The state file that `cargo xtask up` wrote.
    #[arg(long)]
    state: PathBuf,
    /// Where the reports go.
    #[arg(long)]
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

#[derive(Debug, Args)]
struct Against {
    /// The state file that `cargo xtask up` wrote.
    #[arg(long)]
    state: PathBuf,
    /// Shorter; the figures mean little.
    #[arg(long)]
    quick: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    // As many connections as the system lets us have; too few show as failures.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match run(Cli::parse().load).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what was demanded of the system was found; only an on-sale judges by itself.
async fn run(load: Which) -> anyhow::Result<bool> {
    let env = Env::from_process()?;
    match load {
        Which::Onsale(args) => onsale::run(&env, args.options()?).await,
        Which::Mixed(against) => mixed::run(&env, &against.state, &Load::mixed(against.quick))
            .await
            .map(|()| true),
        Which::Peak(against) => mixed::run(&env, &against.state, &Load::peak(against.quick))
            .await
            .map(|()| true),
        Which::Buyers { count, file } => guests::write(&env, count, &file).await.map(|()| true),
    }
}

impl OnsaleArgs {
    fn options(self) -> anyhow::Result<onsale::Options> {
        Ok(onsale::Options {
            state: self.state,
            reports: self.reports,
            buyers: self.buyers,
            seats: self.seats,
            seed: self.seed,
            entry: Duration::try_from_secs_f64(self.entry_seconds)?,
            limit: Duration::try_from_secs_f64(self.minutes * 60.0)?,
            stream_percent: self.stream_percent,
            connections: self.connections,
        })
    }
}
