//! Looking at a system, once or until it rests.

use std::time::Duration;

use anyhow::Context;
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use super::{Report, Row, books, check, ledger::Ledger};
use crate::{connection::as_operator, deliveries::deliveries};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// How long before the retention of messages ends a booking is no longer judged by them.
const MARGIN: Duration = Duration::from_secs(3600);

/// Audits one system.
#[derive(Clone, Debug)]
pub struct Auditor {
    database_url: String,
    ledger_url: Option<String>,
    grace: Duration,
    retention: Duration,
}

impl Auditor {
    /// `database_url` is of a role that may act as the migrator; `ledger_url` is where PortOne's ledger is shown, without
    /// which only our own books are compared.
    #[must_use]
    pub fn new(database_url: impl Into<String>, ledger_url: Option<String>) -> Self {
        Self {
            database_url: database_url.into(),
            ledger_url,
            grace: Duration::ZERO,
            retention: Duration::from_secs(7 * 24 * 3600),
        }
    }

    /// How long a message may take to be sent, and then to be handled; none by default.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// How long sent messages are kept (`OUTBOX_RETENTION_SECONDS`), 7 days by default: what is older is not judged by what
    /// it said.
    #[must_use]
    pub fn retention(self, retention: Duration) -> Self {
        Self { retention, ..self }
    }

    /// Waits up to `rest` until nothing moves, then gives broken rows up to `settle` to become right by themselves.
    ///
    /// # Errors
    /// When the database or the ledger cannot be read.
    pub async fn audit(&self, rest: Duration, settle: Duration) -> anyhow::Result<Report> {
        let deadline = Instant::now() + rest;
        let mut report = self.look().await?;
        while !report.at_rest && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
            report = self.look().await?;
        }
        let deadline = Instant::now() + settle;
        while !report.ok && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
            report = report.confirmed_by(self.look().await?);
        }
        Ok(report)
    }

    /// Looks once.
    ///
    /// # Errors
    /// When the database or the ledger cannot be read.
    pub async fn look(&self) -> anyhow::Result<Report> {
        let ledger = match &self.ledger_url {
            Some(url) => Some(Ledger::fetch(url).await?),
            None => None,
        };
        let mut connection = as_operator(&self.database_url).await?;
        let mut snapshot = connection
            .begin_with("begin transaction isolation level repeatable read, read only")
            .await
            .context("cannot begin to read")?;
        self.tell_settings(&mut snapshot).await?;
        let mut moving: Vec<Row> = check::moving(&mut snapshot).await?;
        let mut broken = check::broken(&mut snapshot).await?;
        let books = books::compare(&mut snapshot, ledger.as_ref(), &mut moving, &mut broken).await?;
        snapshot.rollback().await?;
        Ok(Report::new(books, broken, moving))
    }

    /// The statements have no parameters, so that each can be run by hand after the same `set`s.
    async fn tell_settings(&self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let seconds = |duration: Duration| format!("{} seconds", duration.as_secs_f64());
        for (name, value) in [
            ("ticketctl.grace", seconds(self.grace)),
            ("ticketctl.retention", seconds(self.retention.saturating_sub(MARGIN))),
            ("ticketctl.deliveries", deliveries()),
        ] {
            sqlx::query("select set_config($1, $2, true)")
                .bind(name)
                .bind(value)
                .execute(&mut *connection)
                .await
                .with_context(|| format!("cannot set {name}"))?;
        }
        Ok(())
    }
}
