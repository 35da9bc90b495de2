//! `ticketctl topics`

use std::time::Duration;

use anyhow::ensure;
use clap::{Args, Subcommand};
use messages::Topic;
use outbox::topics;
use serde_json::json;
use tokio::time::Instant;

use crate::{connection::Broker, output::Output};

/// How long the broker may need until the names of deleted topics are free.
const FREE_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl topics create
  ticketctl topics create --kafka-brokers kafka:9092 --topic-prefix second.
  ticketctl topics recreate --lose-messages")]
pub(crate) enum Topics {
    /// Create the topics that are missing.
    Create(Broker),
    /// Delete the topics with all they hold, dead letters too, and create them empty: before a restored database is used, because
    /// they tell of bookings that it no longer has. Every service must be stopped.
    Recreate(Recreate),
}

#[derive(Debug, Args)]
pub(crate) struct Recreate {
    /// Nobody does this by mistake.
    #[arg(long, required = true)]
    lose_messages: bool,
    #[command(flatten)]
    broker: Broker,
}

impl Topics {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let created = match self {
            Self::Create(broker) => {
                let kafka = broker.config();
                topics::create(&kafka.brokers, &kafka.prefix).await?
            }
            Self::Recreate(recreate) => recreate.run().await?,
        };
        if !output.json(&json!({ "created": created }))? {
            for topic in &created {
                println!("created {topic}");
            }
            println!("{} topics created; the others were there.", created.len());
        }
        Ok(())
    }
}

impl Recreate {
    /// Whoever dies in between has deleted some; `topics create` makes what is missing.
    async fn run(self) -> anyhow::Result<Vec<String>> {
        let kafka = self.broker.config();
        topics::delete(&kafka.brokers, &kafka.prefix).await?;
        let deadline = Instant::now() + FREE_WITHIN;
        let mut created = Vec::new();
        while created.len() < Topic::ALL.len() {
            created.extend(topics::create(&kafka.brokers, &kafka.prefix).await?);
            ensure!(
                Instant::now() < deadline,
                "topics that were deleted are still there; try again, and look whether some service still runs"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(created)
    }
}
