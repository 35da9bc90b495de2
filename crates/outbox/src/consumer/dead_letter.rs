//! Sending what cannot be handled to the dead-letter topic.

use std::time::Duration;

use common::lifecycle::Shutdown;
use messages::ConsumerGroup;
use rdkafka::{
    Message as _,
    error::KafkaResult,
    message::{Header, Headers as _, OwnedHeaders, OwnedMessage},
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};
use tokio::sync::OnceCell;
use tracing::warn;

use crate::{KafkaConfig, Logged, backoff::Backoff, headers};

/// A longer reason would only make the message too large.
const MAX_REASON_CHARS: usize = 1000;

/// After how long a delivery without an answer is begun anew.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct DeadLetters {
    group: ConsumerGroup,
    topic: String,
    kafka: KafkaConfig,
    /// Made when first needed: most consumers never send a dead letter, and a producer has threads.
    producer: OnceCell<FutureProducer<Logged>>,
}

impl DeadLetters {
    pub(super) fn new(group: ConsumerGroup, kafka: &KafkaConfig) -> Self {
        Self {
            group,
            topic: group.topic().dlq().with_prefix(&kafka.prefix),
            kafka: kafka.clone(),
            producer: OnceCell::new(),
        }
    }

    /// Sends the message as it is, with where it came from and why. Waits for a broker that is away, since the message
    /// would be lost otherwise; `false` when the shutdown came first.
    pub(super) async fn send(&self, message: &OwnedMessage, reason: &str, attempts: u32, stop: &Shutdown) -> bool {
        let headers = self.headers(message, reason, attempts);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        while !stop.is_cancelled() {
            match self.try_send(message, headers.clone()).await {
                Ok(()) => {
                    metrics::counter!("dlq_total", "topic" => self.group.topic().dlq().name(), "group" => self.group.name())
                        .increment(1);
                    return true;
                }
                Err(error) => {
                    warn!(kafka.topic = self.topic, error.message = %error, "cannot send a dead letter; trying again");
                    backoff.wait(stop).await;
                }
            }
        }
        false
    }

    async fn try_send(&self, message: &OwnedMessage, headers: OwnedHeaders) -> KafkaResult<()> {
        let producer = self
            .producer
            .get_or_try_init(async || self.kafka.producer(DELIVERY_TIMEOUT))
            .await?;
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&self.topic)
            .headers(headers)
            .payload(message.payload().unwrap_or_default());
        if let Some(key) = message.key() {
            record = record.key(key);
        }
        match producer.send(record, Timeout::Never).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error),
        }
    }

    fn headers(&self, message: &OwnedMessage, reason: &str, attempts: u32) -> OwnedHeaders {
        let mut all = OwnedHeaders::new();
        for header in message.headers().iter().flat_map(|headers| headers.iter()) {
            if !headers::OF_DEAD_LETTERS.contains(&header.key) {
                all = all.insert(header);
            }
        }
        let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
        for (key, value) in [
            (headers::DLQ_TOPIC, self.group.topic().name().to_owned()),
            (headers::DLQ_PARTITION, message.partition().to_string()),
            (headers::DLQ_OFFSET, message.offset().to_string()),
            (headers::DLQ_GROUP, self.group.name().to_owned()),
            (headers::DLQ_ERROR, reason),
            (headers::DLQ_ATTEMPTS, attempts.to_string()),
        ] {
            all = all.insert(Header {
                key,
                value: Some(&value),
            });
        }
        all
    }
}

/// The text of a message's header, if it has one that is text.
pub(super) fn header<'m>(message: &'m OwnedMessage, key: &str) -> Option<&'m str> {
    let headers = message.headers()?;
    let value = headers.iter().find(|header| header.key == key)?.value?;
    std::str::from_utf8(value).ok()
}
