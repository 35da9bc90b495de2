//! `ticketctl audit`

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::Auditor;
use crate::{
    connection::Database,
    output::{Output, verdict},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ticketctl audit
  ticketctl audit --wait 60
  ticketctl audit --without-portone --json
  ticketctl audit --portone-ledger-url https://ledger.example.com/payments

It may be run at any time, also under load: what is on its way is listed apart and breaks nothing.")]
pub(crate) struct Audit {
    #[command(flatten)]
    database: Database,
    /// Where the simulators are, which keep PortOne's ledger.
    #[arg(long, env = "SIMULATORS_URL", default_value = "http://127.0.0.1:8090")]
    simulators_url: String,
    /// PortOne's ledger, if it is elsewhere.
    #[arg(long)]
    portone_ledger_url: Option<String>,
    /// Audit our books alone, where there is no ledger to compare them with.
    #[arg(long, conflicts_with = "portone_ledger_url")]
    without_portone: bool,
    /// Wait up to so many seconds until nothing moves any more; a system that still moves then is a failure.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// How long broken rows may take to become right by themselves.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    settle_seconds: u64,
    /// How long a message may take to be sent, and then to be handled.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    grace_seconds: u64,
    /// How long the services keep sent messages.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "OUTBOX_RETENTION_SECONDS",
        default_value_t = 604_800
    )]
    retention_seconds: u64,
}

impl Audit {
    /// The exit code says when an invariant is broken, or there is no rest although it was waited for.
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        let ledger = (!self.without_portone).then(|| {
            self.portone_ledger_url
                .unwrap_or_else(|| format!("{}/control/portone/ledger", self.simulators_url.trim_end_matches('/')))
        });
        let report = Auditor::new(self.database.url, ledger)
            .grace(Duration::from_secs(self.grace_seconds))
            .retention(Duration::from_secs(self.retention_seconds))
            .audit(
                Duration::from_secs(self.wait.unwrap_or_default()),
                Duration::from_secs(self.settle_seconds),
            )
            .await?;
        if !output.json(&report)? {
            println!("{report}");
        }
        Ok(verdict(report.ok && (report.at_rest || self.wait.is_none())))
    }
}
