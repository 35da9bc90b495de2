//! `cargo xtask onsale`: tens of thousands of buyers at once, on this machine (design.md §16, docs/onsale.md).
//!
//! The buyers are a program of their own (crates/load). This brings the system up with the settings that such an evening
//! needs, starts the program, and leaves the machine as it was found.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::PortsArgs;
use crate::layout::LayoutArgs;
use crate::ports::Ports;
use crate::services::{self, Wanted};
use crate::visit::Visit;
use crate::workspace::Workspace;

/// So few seats make a short evening, in which holds end soon.
const SMALL_HALL: usize = 200;
/// Somebody who thinks before each choice, and is not quick enough a few times, needs so many seconds however short a hold is.
const SHORTEST_SESSION: u32 = 12;

/// How the sale shall be.
#[derive(Debug, Args)]
pub(crate) struct OnsaleArgs {
    /// How many buyers come.
    #[arg(long, default_value_t = 50_000)]
    buyers: usize,
    /// How many seats the hall has.
    #[arg(long, default_value_t = 3_000)]
    seats: usize,
    /// Decides who does what.
    #[arg(long, default_value_t = 20_261_123)]
    seed: u64,
    /// All come within so many seconds; by default 10, to a small hall 3.
    #[arg(long)]
    entry_seconds: Option<f64>,
    /// It ends after so many minutes, sold out or not.
    #[arg(long, default_value_t = 15.0)]
    minutes: f64,
    /// How many are admitted a second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// How long a hold lasts; by default 30 seconds, in a small hall 4.
    #[arg(long)]
    hold_seconds: Option<u32>,
    /// Of a hundred buyers, how many read the stream instead of polling.
    #[arg(long, default_value_t = 2)]
    stream_percent: u32,
    /// Unoptimised binaries: to try it, not to measure.
    #[arg(long)]
    debug: bool,
    /// Leave the system running.
    #[arg(long)]
    keep: bool,
    /// A variable for every service, over those that this sets itself.
    #[arg(long, value_name = "KEY=VALUE", value_parser = crate::variable)]
    env: Vec<(String, String)>,
    /// More than one process of a service, e.g. `queue=2,reservation=2`.
    #[arg(long, value_name = "SERVICE=COUNT", value_delimiter = ',', value_parser = services::replicas)]
    replicas: Vec<(String, u16)>,
    #[command(flatten)]
    pub(crate) layout: LayoutArgs,
    #[command(flatten)]
    pub(crate) ports: PortsArgs,
}

impl OnsaleArgs {
    fn is_small(&self) -> bool {
        self.seats <= SMALL_HALL
    }

    /// What differs from the services' defaults, and why.
    fn settings(&self) -> BTreeMap<String, String> {
        let hold = self.hold_seconds.unwrap_or(if self.is_small() { 4 } else { 30 });
        // Who has closed the tab keeps a place from others until it ends; an evening has no ten minutes for that.
        // But nobody who polls may be too late for an admission, and polls are up to 30 seconds apart in a long line.
        let session = SHORTEST_SESSION.max(2 * hold);
        let (claim, margin) = (hold + hold.div_ceil(2), hold.div_ceil(4));
        let mut settings = BTreeMap::new();
        let mut set = |key: &str, value: String| settings.insert(key.to_owned(), value);
        set("ADMISSION_PER_SECOND", self.rate.to_string());
        set("HOLD_TTL_SECONDS", hold.to_string());
        set("HOLD_PLACE_MARGIN_SECONDS", margin.to_string());
        set("QUEUE_TOKEN_TTL_SECONDS", session.to_string());
        set("ADMISSION_CLAIM_SECONDS", claim.to_string());
        set("QUEUE_CAPACITY", self.buyers.max(50_000).to_string());
        // All buyers come from one address here, and share its limits.
        set("RATE_LIMIT_PROFILE", "loadtest".to_owned());
        set("MAX_CONNECTIONS_PER_ADDRESS", "20000".to_owned());
        // A line per request would be written a million times.
        set("LOG_LEVEL", "warn".to_owned());
        settings.extend(self.env.iter().cloned());
        settings
    }
}

/// Brings the system up, lets the buyers come, and says by the exit code whether it was fair and exact.
pub(crate) async fn run(workspace: &Workspace, ports: &Ports, args: &OnsaleArgs) -> Result<ExitCode> {
    let wanted = Wanted {
        release: !args.debug,
        env: args.settings(),
        replicas: args.replicas.iter().cloned().collect(),
    };
    services::build_with(workspace, wanted.release, &["load"])?;
    say!("settings that such an evening needs:");
    for (key, value) in &wanted.env {
        say!("  {key}={value}");
    }
    let visit = Visit::anew(workspace, ports, wanted).await?;
    let outcome = sell(workspace, &visit, args).await;
    if args.keep && !visit.is_a_guest() {
        say!("The system runs on, with these settings; `cargo xtask down` stops it.");
    } else {
        visit.end(workspace, ports).await?;
    }
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn sell(workspace: &Workspace, visit: &Visit, args: &OnsaleArgs) -> Result<bool> {
    let mut buyers = tokio::process::Command::from(visit.load(workspace, "onsale")?);
    buyers.arg("--state").arg(workspace.dev().join("state.json"));
    buyers.arg("--reports").arg(workspace.root().join("target/onsale"));
    let entry = args.entry_seconds.unwrap_or(if args.is_small() { 3.0 } else { 10.0 });
    let numbers = [
        ("--buyers", args.buyers.to_string()),
        ("--seats", args.seats.to_string()),
        ("--seed", args.seed.to_string()),
        ("--entry-seconds", entry.to_string()),
        ("--minutes", args.minutes.to_string()),
        ("--stream-percent", args.stream_percent.to_string()),
    ];
    for (name, number) in numbers {
        buyers.arg(name).arg(number);
    }
    let mut buyers = buyers.spawn().context("cannot start the buyers")?;
    loop {
        tokio::select! {
            status = buyers.wait() => return Ok(status?.success()),
            // It hears Ctrl-C as we do, goes home in order, and writes its report.
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: OnsaleArgs,
    }

    fn settings(arguments: &[&str]) -> BTreeMap<String, String> {
        Cli::parse_from([&["onsale"], arguments].concat()).args.settings()
    }

    #[test]
    fn what_was_asked_for_wins() {
        let settings = settings(&["--rate", "7", "--env", "HOLD_TTL_SECONDS=99", "--buyers", "60000"]);
        assert_eq!(settings["ADMISSION_PER_SECOND"], "7");
        assert_eq!(settings["HOLD_TTL_SECONDS"], "99");
        assert_eq!(settings["QUEUE_CAPACITY"], "60000");
    }

    #[test]
    fn a_small_hall_has_short_holds() {
        let (small, large) = (settings(&["--seats", "60"]), settings(&[]));
        assert_eq!((&*small["HOLD_TTL_SECONDS"], &*large["HOLD_TTL_SECONDS"]), ("4", "30"));
        // But time enough to choose.
        assert_eq!(
            (&*small["QUEUE_TOKEN_TTL_SECONDS"], &*large["QUEUE_TOKEN_TTL_SECONDS"]),
            ("12", "60")
        );
    }
}
