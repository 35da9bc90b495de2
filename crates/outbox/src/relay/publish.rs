//! Sending a batch of rows.

use std::collections::HashMap;

use futures_util::{StreamExt, stream::FuturesUnordered};
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{leases::Lease, rows::Row};
use crate::Logged;

/// What became of one look at the outbox.
#[derive(Debug)]
pub(super) enum Pass {
    /// There is more at once.
    More,
    /// All that was there is sent.
    Done,
    /// Something is down.
    Failed,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Confirmed by the broker.
    pub(super) published: Vec<Uuid>,
    /// Refused for what they are.
    pub(super) unfit: Vec<(Uuid, String)>,
    /// Why the rest was not taken, if some was not.
    pub(super) broken: Option<String>,
}

enum Fault {
    Row(String),
    Broker(String),
}

/// Sends the rows, those of a key one after the other and the keys at the same time, and waits for every answer.
pub(super) async fn send(
    producer: &FutureProducer<Logged>,
    prefix: &str,
    rows: Vec<Row>,
    held: &watch::Receiver<Lease>,
) -> Sent {
    let mut by_key: HashMap<String, Vec<Row>> = HashMap::new();
    for row in rows {
        by_key.entry(row.message_key.clone()).or_default().push(row);
    }
    let mut keys: FuturesUnordered<_> = by_key
        .into_values()
        .map(|rows| send_in_order(producer, prefix, rows, held))
        .collect();
    let mut all = Sent::default();
    while let Some(mut one) = keys.next().await {
        all.published.append(&mut one.published);
        all.unfit.append(&mut one.unfit);
        all.broken = all.broken.or(one.broken);
    }
    all
}

async fn send_in_order(
    producer: &FutureProducer<Logged>,
    prefix: &str,
    rows: Vec<Row>,
    held: &watch::Receiver<Lease>,
) -> Sent {
    let mut sent = Sent::default();
    for row in rows {
        if !held.borrow().holds() {
            sent.broken = Some("the lease ended while sending".to_owned());
            break;
        }
        match send_one(producer, prefix, &row).await {
            Ok(()) => sent.published.push(row.id),
            // The rows behind it stay, or the key's order would be lost.
            Err(Fault::Row(reason)) => {
                sent.unfit.push((row.id, reason));
                break;
            }
            Err(Fault::Broker(reason)) => {
                sent.broken = Some(reason);
                break;
            }
        }
    }
    sent
}

async fn send_one(producer: &FutureProducer<Logged>, prefix: &str, row: &Row) -> Result<(), Fault> {
    let topic = format!("{prefix}{}", row.topic);
    let mut headers = OwnedHeaders::new_with_capacity(row.headers.len());
    for (key, value) in &row.headers.0 {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    let record = FutureRecord::to(&topic)
        .key(&row.message_key)
        .payload(&row.payload)
        .headers(headers);
    match producer.send(record, Timeout::Never).await {
        Ok(_) => Ok(()),
        Err((error, _)) if is_about_the_row(&error) => Err(Fault::Row(error.to_string())),
        Err((error, _)) => Err(Fault::Broker(error.to_string())),
    }
}

/// Whether the broker, or the library before it, would refuse this row however often it is sent. An unknown topic is not
/// among these: all rows of the topic would be parked when it only has not been made yet.
fn is_about_the_row(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageProduction(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::MessageBatchTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::PolicyViolation
        )
    )
}
