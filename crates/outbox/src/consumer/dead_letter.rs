//! Sending what cannot be handled to the dead-letter topic.

use std::time::Duration;

use common::lifecycle::Shutdown;
use messages::ConsumerGroup;
use metrics::Counter;
use rdkafka::{
    Message as _,
    message::{Header, Headers as _, OwnedHeaders, OwnedMessage},
    producer::FutureRecord,
};
use tracing::warn;

use crate::{
    KafkaConfig,
    backoff::Backoff,
    headers,
    sender::{Fault, Sender},
};

/// A longer reason would only make the message too large.
const MAX_REASON_CHARS: usize = 1000;

/// After how long a delivery without an answer is begun anew.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of its payload a letter keeps that is too large as a whole: enough to see what it is. The whole message stays
/// where it came from.
const KEPT_BYTES: usize = 32 * 1024;
/// Of such a letter, a header of the message is kept if it is no longer than this, and so is its key.
const KEPT_HEADER_BYTES: usize = 1024;
/// So many of them.
const KEPT_HEADERS: usize = 16;

pub(super) struct DeadLetters {
    group: ConsumerGroup,
    topic: String,
    sender: Sender,
    sent: Counter,
}

impl DeadLetters {
    pub(super) fn new(group: ConsumerGroup, kafka: &KafkaConfig) -> Self {
        let dlq = group.topic().dlq();
        let sent = metrics::counter!("dlq_total", "topic" => dlq.name(), "group" => group.name());
        // A series that began with its first letters would hide them from increase(), and so from the alarm.
        sent.increment(0);
        Self {
            group,
            topic: dlq.with_prefix(&kafka.prefix),
            sender: Sender::new(kafka, DELIVERY_TIMEOUT),
            sent,
        }
    }

    /// Sends the message as it is, with where it came from and why; cut, if that is too large. Waits for a broker that is
    /// away, since the message would be lost otherwise; `false` when the shutdown came first.
    pub(super) async fn send(&self, message: &OwnedMessage, reason: &str, attempts: u32, stop: &Shutdown) -> bool {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let mut is_cut = false;
        while !stop.is_cancelled() {
            match self.try_send(message, reason, attempts, is_cut).await {
                Ok(()) => {
                    self.sent.increment(1);
                    return true;
                }
                Err(Fault::TooLarge(error)) if !is_cut => {
                    warn!(
                        kafka.topic = self.topic,
                        error.message = error,
                        "a dead letter is too large and is cut"
                    );
                    is_cut = true;
                }
                Err(Fault::Broker(error) | Fault::Unfit(error) | Fault::TooLarge(error)) => {
                    warn!(
                        kafka.topic = self.topic,
                        error.message = error,
                        "cannot send a dead letter; trying again"
                    );
                    backoff.wait(stop).await;
                }
            }
        }
        false
    }

    async fn try_send(&self, message: &OwnedMessage, reason: &str, attempts: u32, is_cut: bool) -> Result<(), Fault> {
        let whole = message.payload().unwrap_or_default();
        let payload = if is_cut {
            &whole[..whole.len().min(KEPT_BYTES)]
        } else {
            whole
        };
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&self.topic)
            .headers(self.headers(message, reason, attempts, is_cut))
            .payload(payload);
        if let Some(key) = message.key()
            && (!is_cut || key.len() <= KEPT_HEADER_BYTES)
        {
            record = record.key(key);
        }
        self.sender.send(record).await
    }

    fn headers(&self, message: &OwnedMessage, reason: &str, attempts: u32, is_cut: bool) -> OwnedHeaders {
        let mut all = OwnedHeaders::new();
        let own = message.headers().into_iter().flat_map(|headers| headers.iter());
        let own = own.filter(|header| !headers::OF_DEAD_LETTERS.contains(&header.key));
        let is_kept = |header: &Header<'_, &[u8]>| {
            let value = header.value.map_or(0, <[u8]>::len);
            !is_cut || header.key.len() + value <= KEPT_HEADER_BYTES
        };
        for header in own.filter(is_kept).take(if is_cut { KEPT_HEADERS } else { usize::MAX }) {
            all = all.insert(header);
        }
        let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
        let whole = message.payload().map_or(0, <[u8]>::len).to_string();
        for (key, value) in [
            (headers::DLQ_TOPIC, self.group.topic().name().to_owned()),
            (headers::DLQ_PARTITION, message.partition().to_string()),
            (headers::DLQ_OFFSET, message.offset().to_string()),
            (headers::DLQ_GROUP, self.group.name().to_owned()),
            (headers::DLQ_ERROR, reason),
            (headers::DLQ_ATTEMPTS, attempts.to_string()),
        ]
        .into_iter()
        .chain(is_cut.then_some((headers::DLQ_TRUNCATED, whole)))
        {
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

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use rdkafka::{
        Timestamp,
        mocking::MockCluster,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };

    const GROUP: ConsumerGroup = ConsumerGroup::RESERVATION_PAYMENT;

    fn letters(brokers: String) -> DeadLetters {
        DeadLetters::new(
            GROUP,
            &KafkaConfig {
                brokers,
                prefix: String::new(),
            },
        )
    }

    fn message() -> OwnedMessage {
        let topic = GROUP.topic().name().to_owned();
        OwnedMessage::new(Some(b"{}".to_vec()), None, topic, Timestamp::NotAvailable, 0, 0, None)
    }

    #[tokio::test]
    async fn a_broken_producer_is_replaced() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(GROUP.topic().dlq().name(), 1, 1).unwrap();
        // The library's producer gives up for good when the broker knows nothing of the messages before.
        cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER],
        );
        let letters = letters(cluster.bootstrap_servers());
        let (message, stop) = (message(), Shutdown::new());
        let sending = letters.send(&message, "why", 1, &stop);
        let sent = tokio::time::timeout(Duration::from_secs(20), sending).await;
        assert_eq!(sent, Ok(true));
    }

    #[test]
    fn the_count_begins_at_nothing() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || letters("nowhere:1".to_owned()));
        let shown = handle.render();
        let line = r#"dlq_total{topic="dlq.payment",group="reservation-payment-consumer"} 0"#;
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }
}
