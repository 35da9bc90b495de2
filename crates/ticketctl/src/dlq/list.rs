//! `ticketctl dlq list`

use clap::Args;
use messages::Topic;
use outbox::headers;
use serde_json::json;

use super::{letter::dlq_topic, read};
use crate::{
    connection::{Broker, Database},
    output::Output,
};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this topic, as in dlq.payment.
    #[arg(long, value_parser = dlq_topic)]
    topic: Option<Topic>,
    /// Also those that have been handled since.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    database: Database,
}

impl List {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let letters = read::letters(&self.broker.config(), self.topic).await?;
        let handled = read::handled_since(&mut self.database.connect().await?, &letters).await?;
        let mut open = 0;
        let mut shown = Vec::new();
        for letter in &letters {
            let state = if read::is_handled(letter, &handled) {
                "HANDLED"
            } else {
                "OPEN"
            };
            if state == "OPEN" {
                open += 1;
            } else if !self.all {
                continue;
            }
            if output == Output::Json {
                shown.push(json!({
                    "place": letter.place.to_string(),
                    "state": state,
                    "at": letter.at,
                    "type": letter.kind(),
                    "messageId": letter.message.as_ref().map(|message| message.event_id),
                    "headers": letter.headers,
                }));
                continue;
            }
            let text = |name| letter.header(name).unwrap_or("?");
            println!(
                "{:<20} {:<7} {:<20} {:<30} {:<32} {} after {} tries: {}",
                letter.place.to_string(),
                state,
                letter
                    .at
                    .map_or_else(|| "?".to_owned(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
                letter.kind(),
                text(headers::DLQ_GROUP),
                letter
                    .message
                    .as_ref()
                    .map_or_else(|| "no message".to_owned(), |message| message.event_id.to_string()),
                text(headers::DLQ_ATTEMPTS),
                text(headers::DLQ_ERROR),
            );
        }
        if output.json(&shown)? {
            return Ok(());
        }
        println!("{} dead letters, {open} of them open.", letters.len());
        Ok(())
    }
}
