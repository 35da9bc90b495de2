//! `ticketctl audit`: the invariants of design.md §9 as questions to the tables, and our books beside PortOne's.
//!
//! All questions see one moment of the database. A system at work has messages on their way, so a finding counts only if
//! it is still there when the question is repeated for some seconds.

mod books;
mod checks;
mod ledger;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use sqlx::Connection;
use tokio::time::Instant;

use crate::connection::Database;
use books::Books;
use ledger::Ledger;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// More findings of one rule than this help nobody.
const SHOWN: usize = 50;

#[derive(Debug, Args)]
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
    /// How long findings may take to go away by themselves.
    #[arg(long, default_value_t = 5)]
    settle_seconds: u64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// The invariant of design.md §9.
    rule: &'static str,
    /// Which row.
    subject: String,
    /// What is wrong with it.
    finding: String,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    books: Books,
    findings: Vec<Finding>,
}

impl Audit {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let deadline = Instant::now() + Duration::from_secs(self.settle_seconds);
        let mut report = self.look().await?;
        while !report.ok && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
            let next = self.look().await?;
            // What differs was on its way.
            report.findings.retain(|finding| next.findings.contains(finding));
            report = Report {
                ok: report.findings.is_empty(),
                findings: report.findings,
                books: next.books,
            };
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report);
        }
        Ok(if report.ok {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    async fn look(&self) -> anyhow::Result<Report> {
        let ledger = if self.without_portone {
            None
        } else {
            Some(self.ledger().await?)
        };
        let mut connection = self.database.connect().await?;
        let mut snapshot = connection
            .begin_with("begin transaction isolation level repeatable read, read only")
            .await
            .context("cannot begin to read")?;
        let mut findings = checks::run(&mut snapshot).await?;
        let books = books::compare(&mut snapshot, ledger.as_ref(), &mut findings).await?;
        snapshot.rollback().await?;
        Ok(Report {
            ok: findings.is_empty(),
            books,
            findings,
        })
    }

    async fn ledger(&self) -> anyhow::Result<Ledger> {
        let url = self
            .portone_ledger_url
            .clone()
            .unwrap_or_else(|| format!("{}/control/portone/ledger", self.simulators_url.trim_end_matches('/')));
        ledger::fetch(&url).await
    }
}

fn print(report: &Report) {
    println!("{}", report.books);
    for rule in report.findings.chunk_by(|one, next| one.rule == next.rule) {
        for finding in rule.iter().take(SHOWN) {
            println!("{}: {} {}", finding.rule, finding.subject, finding.finding);
        }
        if rule.len() > SHOWN {
            println!("{}: and {} more", rule[0].rule, rule.len() - SHOWN);
        }
    }
    match report.findings.len() {
        0 => println!("Every invariant holds."),
        count => println!("{count} findings."),
    }
}
