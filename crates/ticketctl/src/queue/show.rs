//! `ticketctl queue show`

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{
    crowd::{self, Crowd, QueueService},
    line::{self, Line},
};
use crate::{connection::Database, output::Output, text};

/// Changes longer ago than the last of these are in the table `queue_service.admin_audit_log`.
const CHANGES: i64 = 20;

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The concert's id.
    event: Uuid,
    #[command(flatten)]
    service: QueueService,
    #[command(flatten)]
    database: Database,
}

/// An entry of the audit.
#[derive(Debug, FromRow, Serialize)]
struct Change {
    at: DateTime<Utc>,
    who: String,
    /// Settings before and after.
    details: Value,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    line: Line,
    crowd: Option<Crowd>,
    /// The last first.
    changes: Vec<Change>,
}

impl Show {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let shown = Shown {
            line: line::of(&mut connection, self.event).await?,
            crowd: self.service.crowds().await.of(self.event),
            changes: changes(&mut connection, self.event).await?,
        };
        if output.json(&shown)? {
            return Ok(());
        }
        let line = &shown.line;
        println!("concert   {} {}", line.event_id, line.title);
        println!("sale      {}, {}", line.sale, line::sale(line));
        println!("line      {}", crowd::words(shown.crowd).trim_start());
        println!("settings  {}", line.settings());
        for Change { at, who, details } in &shown.changes {
            println!(
                "{} {who}: {} -> {}",
                text::time(Some(*at)),
                details["before"],
                details["after"]
            );
        }
        Ok(())
    }
}

async fn changes(connection: &mut PgConnection, event: Uuid) -> anyhow::Result<Vec<Change>> {
    sqlx::query_as(include_str!("../../sql/queue/changes.sql"))
        .bind(event)
        .bind(CHANGES)
        .fetch_all(connection)
        .await
        .context("cannot read the audit")
}
