//! A concert's line as operators see it.

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use queue_service::{SettingsChange, SettingsRow};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::text;

/// Who changes something.
#[derive(Debug, Args)]
pub(super) struct Operator {
    /// Your name, for the audit.
    #[arg(long = "operator", env = "TICKETCTL_OPERATOR", value_name = "NAME")]
    pub(super) name: String,
}

/// A concert and what is set for its line.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    pub(super) event_id: Uuid,
    pub(super) title: String,
    /// UPCOMING, OPEN, CLOSED or CANCELLED.
    pub(super) sale: String,
    pub(super) sale_start_at: DateTime<Utc>,
    pub(super) sale_end_at: DateTime<Utc>,
    /// None: the service's `ADMISSION_PER_SECOND`.
    pub(super) admission_per_second: Option<i32>,
    /// None: the service's `MAX_ACTIVE`, or what the rate fills in ten minutes.
    pub(super) max_active: Option<i32>,
    pub(super) paused: bool,
    /// When settings were changed last.
    pub(super) changed_at: Option<DateTime<Utc>>,
}

impl Line {
    /// Its settings in words.
    pub(super) fn settings(&self) -> String {
        words(self.admission_per_second, self.max_active, self.paused)
    }
}

/// Settings in words.
pub(super) fn in_words(settings: &SettingsRow) -> String {
    words(settings.admission_per_second, settings.max_active, settings.paused)
}

fn words<T: ToString>(rate: Option<T>, cap: Option<T>, paused: bool) -> String {
    let or_default = |value: Option<T>| value.map_or_else(|| "default".to_owned(), |value| value.to_string());
    let state = if paused { "PAUSED, " } else { "" };
    format!("{state}rate {}, cap {}", or_default(rate), or_default(cap))
}

/// Those of concerts whose sale is not over, the earliest sale first.
pub(super) async fn open(connection: &mut PgConnection, limit: i64) -> anyhow::Result<Vec<Line>> {
    find(connection, None, limit).await
}

/// One concert's.
pub(super) async fn of(connection: &mut PgConnection, event: Uuid) -> anyhow::Result<Line> {
    let line = find(connection, Some(event), 1).await?.pop();
    line.with_context(|| format!("there is no concert {event}"))
}

async fn find(connection: &mut PgConnection, event: Option<Uuid>, limit: i64) -> anyhow::Result<Vec<Line>> {
    sqlx::query_as(include_str!("../../sql/queue/lines.sql"))
        .bind(event)
        .bind(limit)
        .fetch_all(connection)
        .await
        .context("cannot read the concerts and their settings")
}

/// A line that was changed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changed {
    pub(super) event_id: Uuid,
    pub(super) title: String,
    #[serde(flatten)]
    pub(super) settings: queue_service::Changed,
}

impl Changed {
    pub(super) fn tell(&self) {
        println!(
            "{}  {}: {} (was: {})",
            self.event_id,
            self.title,
            in_words(&self.settings.after),
            in_words(&self.settings.before)
        );
    }
}

/// Changes a line that exists, as the operator.
pub(super) async fn change(
    connection: &mut PgConnection,
    event: Uuid,
    change: &SettingsChange,
    operator: &Operator,
) -> anyhow::Result<Changed> {
    if operator.name.trim().is_empty() {
        bail!("--operator is empty: the audit needs a name");
    }
    let line = of(connection, event).await?;
    let settings = queue_service::change_line(connection, event, change, operator.name.trim()).await?;
    Ok(Changed {
        event_id: event,
        title: line.title,
        settings,
    })
}

/// When the sale is, in words.
pub(super) fn sale(line: &Line) -> String {
    match line.sale.as_str() {
        "UPCOMING" => format!("on sale from {}", text::time(Some(line.sale_start_at))),
        "OPEN" => format!("on sale until {}", text::time(Some(line.sale_end_at))),
        other => other.to_owned(),
    }
}
