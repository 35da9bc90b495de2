//! `ticketctl dlq show`

use clap::Args;
use serde_json::{Value, json};

use super::{letter::Place, read};
use crate::{connection::Broker, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The dead letter, as in dlq.payment:12.
    place: Place,
    #[command(flatten)]
    broker: Broker,
}

impl Show {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let letter = read::letter(&self.broker.config(), self.place).await?;
        let key = String::from_utf8_lossy(letter.key.as_deref().unwrap_or_default());
        let body = serde_json::from_slice::<Value>(&letter.payload);
        let payload = String::from_utf8_lossy(&letter.payload);
        let shown = json!({
            "place": letter.place.to_string(),
            "at": letter.at,
            "key": key,
            "headers": letter.headers,
            // What is no JSON was the matter with it.
            "body": body.as_ref().map_or_else(|_| Value::from(payload.as_ref()), Value::clone),
        });
        if output.json(&shown)? {
            return Ok(());
        }
        println!("key: {key}");
        for (name, value) in &letter.headers {
            println!("{name}: {value}");
        }
        match body {
            Ok(body) => println!("{body:#}"),
            Err(_) => println!("{payload}"),
        }
        Ok(())
    }
}
