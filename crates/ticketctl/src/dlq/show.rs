//! `ticketctl dlq show`

use clap::Args;
use serde_json::Value;

use super::{letter::Place, read};
use crate::connection::Broker;

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The dead letter, as in dlq.payment:12.
    place: Place,
    #[command(flatten)]
    broker: Broker,
}

impl Show {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let letter = read::letter(&self.broker.config(), self.place).await?;
        println!(
            "key: {}",
            String::from_utf8_lossy(letter.key.as_deref().unwrap_or_default())
        );
        for (name, value) in &letter.headers {
            println!("{name}: {value}");
        }
        match serde_json::from_slice::<Value>(&letter.payload) {
            Ok(json) => println!("{json:#}"),
            Err(_) => println!("{}", String::from_utf8_lossy(&letter.payload)),
        }
        Ok(())
    }
}
