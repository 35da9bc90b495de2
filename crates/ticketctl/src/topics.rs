//! `ticketctl topics`

use clap::Subcommand;

use crate::connection::Broker;

#[derive(Debug, Subcommand)]
pub(crate) enum Topics {
    /// Create the topics that are missing.
    Create(Broker),
}

impl Topics {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self::Create(broker) = self;
        let kafka = broker.config();
        let created = outbox::topics::create(&kafka.brokers, &kafka.prefix).await?;
        for topic in &created {
            println!("created {topic}");
        }
        println!("{} topics created; the others were there.", created.len());
        Ok(())
    }
}
