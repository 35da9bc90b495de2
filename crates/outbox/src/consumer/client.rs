//! The Kafka client of a consumer group, and what it tells besides messages.

use std::collections::HashMap;

use common::gauges;
use messages::ConsumerGroup;
use rdkafka::{
    ClientContext,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer},
    error::{KafkaError, KafkaResult},
    topic_partition_list::{TopicPartitionList, TopicPartitionListElem},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::{ConsumerConfig, KafkaConfig, kafka};

pub(super) fn consumer(
    kafka: &KafkaConfig,
    config: &ConsumerConfig,
    group: ConsumerGroup,
    watcher: Watcher,
) -> KafkaResult<StreamConsumer<Watcher>> {
    let session = config.session_timeout;
    let mut client = kafka.client();
    client
        .set("group.id", group.with_prefix(&kafka.prefix))
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        // Offsets are stored by us after the database's commit and committed by the library (librdkafka's recipe).
        .set("enable.auto.commit", "true")
        .set("auto.commit.interval.ms", "1000")
        .set("enable.auto.offset.store", "false")
        // A joining or leaving replica stops only the partitions that move.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.as_millis().to_string())
        .set("heartbeat.interval.ms", (session / 3).as_millis().to_string())
        // An answer with a message is sent at once; this only bounds how long an empty question is held.
        .set("fetch.wait.max.ms", "50")
        .set("fetch.error.backoff.ms", "100")
        .set("queued.max.messages.kbytes", "4096")
        .set("statistics.interval.ms", "5000");
    StreamConsumer::from_config_and_context(&client, watcher)
}

/// What the receiving loop must react to.
#[derive(Debug)]
pub(super) enum Event {
    /// These partitions are not ours any more.
    Revoked(Vec<i32>),
    /// A paused partition's worker has caught up.
    Drained(i32),
}

/// Sits in the library's callbacks.
#[derive(Clone)]
pub(super) struct Watcher {
    group: ConsumerGroup,
    events: mpsc::UnboundedSender<Event>,
}

impl Watcher {
    pub(super) fn new(group: ConsumerGroup) -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        (Self { group, events }, receiver)
    }

    pub(super) fn tell(&self, event: Event) {
        // Nobody listens any more when the consumer is being closed.
        let _closing = self.events.send(event);
    }
}

impl ClientContext for Watcher {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        kafka::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        kafka::log_error(&error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice::<Statistics>(statistics) {
            Ok(statistics) => statistics.publish(self.group),
            Err(error) => warn!(error.message = %error, "cannot read the consumer's statistics"),
        }
    }
}

impl ConsumerContext for Watcher {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) if list.count() > 0 => {
                let partitions = numbers(list);
                info!(kafka.group = self.group.name(), kafka.partitions = ?partitions, "partitions assigned");
            }
            Rebalance::Revoke(list) if list.count() > 0 => {
                let partitions = numbers(list);
                info!(kafka.group = self.group.name(), kafka.partitions = ?partitions, "partitions revoked");
                self.tell(Event::Revoked(partitions));
            }
            Rebalance::Error(error) => {
                warn!(kafka.group = self.group.name(), error.message = %error, "rebalancing failed");
            }
            Rebalance::Assign(_) | Rebalance::Revoke(_) => {}
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // A partition that was paused when it was revoked would come back paused, with a new queue that nobody drains.
        if let Rebalance::Assign(list) = rebalance
            && list.count() > 0
            && let Err(error) = consumer.resume(list)
        {
            warn!(kafka.group = self.group.name(), error.message = %error, "cannot resume the assigned partitions");
        }
    }
}

fn numbers(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(TopicPartitionListElem::partition).collect()
}

/// The little that is wanted of the library's statistics.
#[derive(serde::Deserialize)]
struct Statistics {
    topics: HashMap<String, TopicStatistics>,
}

#[derive(serde::Deserialize)]
struct TopicStatistics {
    partitions: HashMap<String, PartitionStatistics>,
}

#[derive(serde::Deserialize)]
struct PartitionStatistics {
    partition: i32,
    desired: bool,
    /// Behind what this process has handled; negative until it has handled something.
    consumer_lag_stored: i64,
    /// Behind what the group has committed; negative while that is not known, or is nothing.
    consumer_lag: i64,
}

impl PartitionStatistics {
    /// How many messages are not handled yet, if that is known: after a restart or a rebalance the group's place counts until
    /// this process has one of its own.
    fn lag(&self) -> Option<f64> {
        let lag = [self.consumer_lag_stored, self.consumer_lag]
            .into_iter()
            .find(|lag| *lag >= 0)?;
        Some(f64::from(u32::try_from(lag).unwrap_or(u32::MAX)))
    }
}

impl Statistics {
    /// What is this process's no more ends with it: whoever has the partition now shows it.
    fn publish(&self, group: ConsumerGroup) {
        let partitions = self.topics.values().flat_map(|topic| topic.partitions.values());
        // Unassigned ones and those whose end is not known yet have none.
        let own = partitions.filter(|partition| partition.partition >= 0 && partition.desired);
        let lags = own.filter_map(|partition| {
            let labels = vec![
                ("group", group.name().to_owned()),
                ("partition", partition.partition.to_string()),
            ];
            Some((labels, partition.lag()?))
        });
        gauges::replace("consumer_lag", &[("group", group.name())], lags.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: ConsumerGroup = ConsumerGroup::RESERVATION_PAYMENT;

    /// Of a partition as the library tells of it.
    fn partition(number: i32, lag: i64, lag_stored: i64) -> String {
        format!(
            r#""{number}": {{"partition": {number}, "desired": true, "consumer_lag": {lag}, "consumer_lag_stored": {lag_stored}}}"#
        )
    }

    #[test]
    fn a_lag_that_is_not_known_is_not_shown_as_none() {
        let partitions = [
            partition(0, 9, 7),
            // After a restart nothing is stored yet, but the broker knows what was committed.
            partition(1, 1200, -1),
            // A new group has committed nothing.
            partition(2, -1, -1),
            partition(3, -1, 0),
        ];
        let text = format!(
            r#"{{"topics": {{"t": {{"partitions": {{{}}}}}}}}}"#,
            partitions.join(", ")
        );
        serde_json::from_str::<Statistics>(&text).unwrap().publish(GROUP);
        let mut shown: Vec<(String, f64)> = gauges::of("consumer_lag")
            .iter()
            .filter(|series| gauges::label(series, "group") == Some(GROUP.name()))
            .map(|series| {
                (
                    gauges::label(series, "partition").unwrap_or_default().to_owned(),
                    series.1,
                )
            })
            .collect();
        shown.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [("0", 7.0), ("1", 1200.0), ("3", 0.0)];
        assert_eq!(shown, expected.map(|(partition, lag)| (partition.to_owned(), lag)));
    }
}
