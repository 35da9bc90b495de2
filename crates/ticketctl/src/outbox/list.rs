//! `ticketctl outbox list`

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::unsent;
use crate::{connection::Database, output::Output};

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    database: Database,
}

#[derive(FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
struct Parked {
    id: Uuid,
    event_type: String,
    topic: String,
    message_key: String,
    parked_at: DateTime<Utc>,
    last_error: Option<String>,
    behind: i64,
}

impl List {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let waiting = unsent::by_producer(&mut connection).await?;
        let parked = parked(&mut connection).await?;
        if output.json(&serde_json::json!({ "producers": waiting, "parked": parked }))? {
            return Ok(());
        }
        for producer in &waiting {
            println!(
                "{}: {} waiting, {} of them parked, the oldest for {:.0} s",
                producer.producer, producer.waiting, producer.parked, producer.oldest_seconds
            );
        }
        for row in &parked {
            println!(
                "{} {} to {} of key {}, parked {}, holds back {}: {}",
                row.id,
                row.event_type,
                row.topic,
                row.message_key,
                row.parked_at.format("%Y-%m-%dT%H:%M:%SZ"),
                row.behind,
                row.last_error.as_deref().unwrap_or("?")
            );
        }
        println!("{} parked messages.", parked.len());
        Ok(())
    }
}

async fn parked(connection: &mut PgConnection) -> Result<Vec<Parked>, sqlx::Error> {
    sqlx::query_as(
        r#"
            select
                id,
                event_type,
                topic,
                message_key,
                parked_at,
                last_error,
                (
                    select count(*)
                    from common.outbox_events as behind
                    where behind.producer = parked.producer
                        and behind.message_key = parked.message_key
                        and behind.shard = parked.shard
                        and not behind.published
                        and behind.parked_at is null
                ) as behind
            from common.outbox_events as parked
            where parked_at is not null and not published
            order by seq
        "#,
    )
    .fetch_all(connection)
    .await
}
