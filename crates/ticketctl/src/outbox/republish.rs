//! `ticketctl outbox republish`

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use sqlx::{Connection, FromRow};
use uuid::Uuid;

use crate::{connection::Database, deliveries::deliveries, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Republish {
    /// Everything that was written since then, whether or not it was handled. Without it: what some consumer group has not handled.
    /// Groups that have handled a message leave it alone either way.
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// Leave alone what was sent within so many seconds: it is still on its way.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    grace_seconds: u32,
    /// Only tell what would be sent.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: Database,
}

/// A message that is sent again.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: Uuid,
    event_type: String,
    message_key: String,
    created_at: DateTime<Utc>,
}

impl Republish {
    /// In one transaction: whoever dies before its end has changed nothing. The relays find the rows by themselves, in order.
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let mut transaction = connection.begin().await?;
        let messages: Vec<Message> = sqlx::query_as(include_str!("../../sql/outbox/republish.sql"))
            .bind(deliveries())
            .bind(self.since)
            .bind(f64::from(self.grace_seconds))
            .fetch_all(&mut *transaction)
            .await
            .context("cannot put messages back")?;
        if self.dry_run {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
        }
        if output.json(&messages)? {
            return Ok(());
        }
        for message in &messages {
            println!(
                "{} {} of key {}, written {}",
                message.id,
                message.event_type,
                message.message_key,
                message.created_at.format("%Y-%m-%dT%H:%M:%SZ")
            );
        }
        let what = if self.dry_run {
            "would be sent again"
        } else {
            "will be sent again within a second"
        };
        println!("{} messages {what}.", messages.len());
        Ok(())
    }
}
