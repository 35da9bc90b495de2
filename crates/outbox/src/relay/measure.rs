//! What waits and what was given up, as gauges. Every replica shows the same numbers.

use std::time::Duration;

use common::{gauges, lifecycle::Shutdown};
use messages::Topic;
use rdkafka::producer::Producer;
use sqlx::PgPool;
use tokio::time::Instant;
use tracing::warn;

use super::rows;
use crate::sender::Sender;

/// How often the backlog is measured.
const BACKLOG_EVERY: Duration = Duration::from_secs(5);
/// How often the broker is asked how many dead letters there are.
const LETTERS_EVERY: Duration = Duration::from_secs(15);
/// How long it may think about one topic. The shutdown waits for the question under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps the gauges of the backlog: the alarm is on the oldest row's age (design.md §12). While the database is away they
/// stay as they were.
pub(super) async fn backlog(pool: &PgPool, shutdown: &Shutdown) {
    let mut next = Instant::now();
    while !shutdown.is_cancelled() {
        match rows::backlog(pool).await {
            Ok(backlog) => {
                gauges::set("outbox_unpublished", &[], backlog.rows as f64);
                gauges::set("outbox_parked", &[], backlog.parked as f64);
                gauges::set("outbox_oldest_seconds", &[], backlog.oldest_seconds);
            }
            Err(error) => warn!(error.message = %error, "cannot measure the outbox"),
        }
        next += BACKLOG_EVERY;
        shutdown.sleep(next.saturating_duration_since(Instant::now())).await;
    }
}

/// Keeps `dlq_messages`. Which of them are still open only the groups' inboxes know (`ticketctl dlq list`). While the broker is
/// away nothing is shown: that it is away shows elsewhere.
pub(super) async fn dead_letters(sender: &Sender, prefix: &str, shutdown: &Shutdown) {
    let topics = Topic::ALL.into_iter().filter(|topic| topic.is_dlq());
    let topics: Vec<_> = topics.map(|topic| (topic.name(), topic.with_prefix(prefix))).collect();
    while !shutdown.is_cancelled() {
        for (name, topic) in &topics {
            let (producer, topic) = (sender.producer(), topic.clone());
            // The library blocks meanwhile.
            let ends = tokio::task::spawn_blocking(move || producer?.client().fetch_watermarks(&topic, 0, PATIENCE));
            match ends.await {
                Ok(Ok((first, next))) => {
                    let letters = u64::try_from(next.saturating_sub(first)).unwrap_or_default();
                    gauges::set_count("dlq_messages", &[("topic", name)], letters);
                }
                _ => gauges::end("dlq_messages", &[("topic", name)]),
            }
            if shutdown.is_cancelled() {
                return;
            }
        }
        shutdown.sleep(LETTERS_EVERY).await;
    }
}
