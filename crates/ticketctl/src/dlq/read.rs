//! Reading the dead-letter topics, and what has become of their letters.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context, bail};
use messages::Topic;
use outbox::{KafkaConfig, Logged, headers};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::letter::{Letter, Place};

/// How long the broker may be silent.
const PATIENCE: Duration = Duration::from_secs(15);

/// The dead letters of the given topic, or of all of them; those of a topic oldest first.
pub(crate) async fn letters(kafka: &KafkaConfig, topic: Option<Topic>) -> anyhow::Result<Vec<Letter>> {
    let topics = Topic::ALL.into_iter().filter(|candidate| candidate.is_dlq());
    let topics: Vec<Topic> = topics.filter(|dlq| topic.is_none_or(|wanted| wanted == *dlq)).collect();
    read(kafka, &topics, Offset::Beginning).await
}

/// The dead letter at one place.
pub(crate) async fn letter(kafka: &KafkaConfig, place: Place) -> anyhow::Result<Letter> {
    read(kafka, &[place.topic], Offset::Offset(place.offset))
        .await?
        .into_iter()
        .find(|letter| letter.place == place)
        .with_context(|| format!("there is no dead letter {place}"))
}

/// Reads topics from an offset to their present end.
async fn read(kafka: &KafkaConfig, topics: &[Topic], from: Offset) -> anyhow::Result<Vec<Letter>> {
    let consumer: StreamConsumer<Logged> = kafka
        .client()
        // Never joined: the topics are read as logs, and nobody's offsets are moved.
        .set("group.id", "ticketctl")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "50")
        .create_with_context(Logged)
        .context("the Kafka settings are refused")?;
    let mut by_name = HashMap::new();
    let mut partitions = TopicPartitionList::new();
    for &topic in topics {
        let name = topic.with_prefix(&kafka.prefix);
        for partition in 0..topic.partitions() {
            partitions.add_partition_offset(&name, partition, from)?;
        }
        by_name.insert(name, topic);
    }
    consumer.assign(&partitions)?;

    let mut letters = Vec::new();
    let mut open = partitions.count();
    while open > 0 {
        let received = tokio::time::timeout(PATIENCE, consumer.recv())
            .await
            .context("the broker does not answer")?;
        match received {
            Ok(record) => {
                if let Some(&topic) = by_name.get(record.topic()) {
                    letters.push(Letter::new(topic, &record.detach()));
                }
            }
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(KafkaError::MessageConsumption(RDKafkaErrorCode::UnknownTopicOrPartition)) => {
                bail!("a dead-letter topic is missing; `ticketctl topics create` makes it")
            }
            Err(error) => return Err(error).context("cannot read the dead-letter topics"),
        }
    }
    letters.sort_by_key(|letter| (letter.place.topic, letter.place.offset));
    Ok(letters)
}

/// The messages, by id and group, that took effect although they had been dead letters.
pub(crate) async fn handled_since(
    connection: &mut PgConnection,
    letters: &[Letter],
) -> anyhow::Result<HashSet<(Uuid, String)>> {
    let ids: Vec<Uuid> = letters
        .iter()
        .filter_map(|letter| letter.message.as_ref())
        .map(|message| message.event_id)
        .collect();
    let mut handled = HashSet::new();
    for schema in [
        "event_service",
        "queue_service",
        "reservation_service",
        "payment_service",
    ] {
        // The names are those of the line above.
        let statement = format!("select event_id, consumer from {schema}.processed_events where event_id = any($1)");
        let rows: Vec<(Uuid, String)> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(&ids)
            .fetch_all(&mut *connection)
            .await
            .with_context(|| format!("cannot read the inbox of {schema}"))?;
        handled.extend(rows);
    }
    Ok(handled)
}

/// Whether a letter's message has taken effect in the group that had given it up.
pub(crate) fn is_handled(letter: &Letter, handled: &HashSet<(Uuid, String)>) -> bool {
    match (&letter.message, letter.group()) {
        (Some(message), Some(group)) => handled.contains(&(message.event_id, group.name().to_owned())),
        _ => false,
    }
}

/// Without the letters of a message that the same group gave up once more later, after a replay.
pub(crate) fn last_of_each(letters: Vec<Letter>) -> Vec<Letter> {
    let mut seen = HashSet::new();
    let mut last: Vec<Letter> = letters
        .into_iter()
        .rev()
        .filter(|letter| {
            let id = letter.message.as_ref().map(|message| message.event_id);
            id.is_none_or(|id| seen.insert((id, letter.header(headers::DLQ_GROUP).map(str::to_owned))))
        })
        .collect();
    last.reverse();
    last
}
