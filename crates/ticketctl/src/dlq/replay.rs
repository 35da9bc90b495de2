//! `ticketctl dlq replay`

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use clap::Args;
use messages::{Envelope, Topic};
use outbox::{KafkaConfig, Logged, headers};
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};
use serde_json::json;

use super::{
    letter::{Letter, Place, dlq_topic},
    read,
};
use crate::{
    connection::{Broker, Database},
    output::Output,
};

const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The dead letters, as in dlq.payment:12.
    #[arg(required_unless_present = "all_of")]
    places: Vec<Place>,
    /// All of this topic that have not been handled since, as in dlq.payment; each message once.
    #[arg(long, value_parser = dlq_topic, conflicts_with = "places")]
    all_of: Option<Topic>,
    /// A corrected message to send instead, as JSON in a file; for a single dead letter.
    #[arg(long, conflicts_with = "all_of")]
    payload: Option<PathBuf>,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    database: Database,
}

impl Replay {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let kafka = self.broker.config();
        let mut letters = self.wanted(&kafka).await?;
        if let Some(path) = &self.payload {
            ensure!(letters.len() == 1, "--payload is for a single dead letter");
            let payload = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let corrected = Envelope::parse(&payload).context("the corrected message is not one")?;
            for letter in &mut letters {
                // By its id the group knows a repetition, and the list that it was handled.
                let id = letter.message.as_ref().map(|message| message.event_id);
                ensure!(
                    id.is_none_or(|id| id == corrected.event_id),
                    "the corrected message must keep the id {}",
                    id.unwrap_or_default()
                );
                letter.payload.clone_from(&payload);
            }
        }
        // Their beginnings would only come back as dead letters.
        let mut cut = Vec::new();
        if self.payload.is_none() {
            letters.retain(|letter| match letter.whole() {
                Some(whole) => {
                    cut.push(format!("{} (the whole is at {whole})", letter.place));
                    false
                }
                None => true,
            });
        }
        let producer = kafka
            .producer(DELIVERY_TIMEOUT)
            .context("the Kafka settings are refused")?;
        let mut replayed = Vec::new();
        let mut ended = Ok(());
        for letter in &letters {
            let group = match send(&producer, &kafka, letter).await {
                Ok(group) => group,
                Err(error) => {
                    ended = Err(error.context(format!("{} stays", letter.place)));
                    break;
                }
            };
            if output == Output::Text {
                println!("{} was sent to {group} again", letter.place);
            }
            replayed.push(json!({ "place": letter.place.to_string(), "group": group }));
        }
        // What was sent is told, also where a later one was not.
        if !output.json(&replayed)? {
            println!("{} dead letters replayed.", replayed.len());
        }
        ended?;
        ensure!(
            cut.is_empty(),
            "too large to be kept as a whole, to be replayed with --payload: {}",
            cut.join("; ")
        );
        Ok(())
    }

    async fn wanted(&self, kafka: &KafkaConfig) -> anyhow::Result<Vec<Letter>> {
        if let Some(topic) = self.all_of {
            let mut letters = read::letters(kafka, Some(topic)).await?;
            let handled = read::handled_since(&mut self.database.connect().await?, &letters).await?;
            letters.retain(|letter| !read::is_handled(letter, &handled));
            return Ok(read::last_of_each(letters));
        }
        let mut letters = Vec::new();
        for place in &self.places {
            letters.push(read::letter(kafka, *place).await?);
        }
        Ok(letters)
    }
}

/// Sends it to where it came from, under the same key, for the group that gave it up.
async fn send(producer: &FutureProducer<Logged>, kafka: &KafkaConfig, letter: &Letter) -> anyhow::Result<&'static str> {
    let topic = letter.source().context("it does not say which topic it came from")?;
    let group = letter
        .group()
        .context("it does not say which consumer group gave it up")?;
    let mut all = OwnedHeaders::new();
    for (key, value) in &letter.headers {
        if !headers::OF_DEAD_LETTERS.contains(&key.as_str()) {
            all = all.insert(Header {
                key,
                value: Some(value),
            });
        }
    }
    all = all.insert(Header {
        key: headers::REPLAY_GROUP,
        value: Some(group.name()),
    });
    let topic = topic.with_prefix(&kafka.prefix);
    let mut record: FutureRecord<'_, [u8], [u8]> =
        FutureRecord::to(&topic).payload(letter.payload.as_slice()).headers(all);
    if let Some(key) = &letter.key {
        record = record.key(key);
    }
    match producer.send(record, Timeout::Never).await {
        Ok(_) => Ok(group.name()),
        Err((error, _)) => Err(error).context("the broker does not take it"),
    }
}
