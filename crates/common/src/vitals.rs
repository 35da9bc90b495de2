//! What a process tells operators of itself. It is all in memory already, so asking costs next to nothing.
//!
//! Numbers of the database and of Kafka are the same at every replica; breakers, pools and the partitions that are consumed are
//! this process's own, which is why each reply says whose it is.

use crate::gauges::{self, Series, label};
use resilience::breaker::{BreakerState, CircuitBreaker};
use serde::Serialize;
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};
use utoipa::ToSchema;
use uuid::Uuid;

static INSTANCE: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);

/// The lowest id that anything can have that was made within this time, ids being UUID v7: for counts of what is new by an index
/// that is there anyway.
#[must_use]
pub fn first_id_within(time: Duration) -> Uuid {
    let now = Uuid::now_v7().get_timestamp().map_or(0, |now| now.to_unix().0);
    let then = now.saturating_sub(time.as_secs());
    uuid::Builder::from_unix_timestamp_millis(then.saturating_mul(1000), &[0; 10]).into_uuid()
}

/// How a process is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Vitals {
    /// This process; another one after a restart.
    instance: Uuid,
    /// Whom it calls, and whether it does at present.
    breakers: Vec<Breaker>,
    /// Its connections to PostgreSQL.
    pools: Vec<Pool>,
    /// What it has to send; null for a service that sends nothing.
    outbox: Option<Outbox>,
    /// What its consumer groups have before them, of the partitions that this process has.
    consumers: Vec<Behind>,
    /// What lies in the topics of dead letters.
    dead_letters: Vec<DeadLetters>,
}

/// A circuit breaker.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BreakerVitals)]
pub struct Breaker {
    /// What is called.
    name: String,
    /// `closed` (it is called), `half_open` (a few calls try) or `open` (it is not).
    state: &'static str,
}

/// A pool of connections.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PoolVitals)]
pub struct Pool {
    /// `requests` or `workers`.
    name: String,
    in_use: u64,
    idle: u64,
    max: u64,
}

/// Messages that Kafka has not got.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OutboxVitals)]
pub struct Outbox {
    unsent: u64,
    /// Those that it will not take.
    parked: u64,
    oldest_seconds: f64,
}

/// A consumer group.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConsumerVitals)]
pub struct Behind {
    group: String,
    /// Messages not handled yet.
    behind: u64,
}

/// A topic of dead letters.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterVitals)]
pub struct DeadLetters {
    topic: String,
    /// Of the last 7 days, replayed ones included.
    messages: u64,
}

impl Vitals {
    /// Of this process, now.
    #[must_use]
    pub fn now() -> Self {
        Self {
            instance: *INSTANCE,
            breakers: breakers(),
            pools: pools(),
            outbox: outbox(),
            consumers: consumers(),
            dead_letters: dead_letters(),
        }
    }
}

/// Those of a name, as of several services in one process of a test, are one: the worst.
fn breakers() -> Vec<Breaker> {
    let mut states: BTreeMap<String, BreakerState> = BTreeMap::new();
    for breaker in CircuitBreaker::all() {
        let state = breaker.state();
        let known = states.entry(breaker.name().to_owned()).or_insert(state);
        if *known == BreakerState::Closed {
            *known = state;
        }
    }
    let shown = states.into_iter().map(|(name, state)| Breaker {
        name,
        state: state.as_str(),
    });
    shown.collect()
}

fn pools() -> Vec<Pool> {
    let connections = gauges::of("db_pool_connections");
    let pools = gauges::of("db_pool_connections_max");
    let mut pools: Vec<Pool> = pools
        .iter()
        .map(|pool| {
            let name = label(pool, "pool").unwrap_or_default();
            let of_state = |state| {
                let series = connections
                    .iter()
                    .find(|series| label(series, "pool") == Some(name) && label(series, "state") == Some(state));
                series.map_or(0, count)
            };
            Pool {
                name: name.to_owned(),
                in_use: of_state("used"),
                idle: of_state("idle"),
                max: count(pool),
            }
        })
        .collect();
    pools.sort_by(|one, other| one.name.cmp(&other.name));
    pools
}

fn outbox() -> Option<Outbox> {
    let value = |name| gauges::of(name).first().cloned();
    let oldest = value("outbox_oldest_seconds")?;
    Some(Outbox {
        unsent: value("outbox_unpublished").as_ref().map_or(0, count),
        parked: value("outbox_parked").as_ref().map_or(0, count),
        oldest_seconds: oldest.1,
    })
}

fn consumers() -> Vec<Behind> {
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    for series in gauges::of("consumer_lag") {
        let group = label(&series, "group").unwrap_or_default();
        *groups.entry(group.to_owned()).or_default() += count(&series);
    }
    let behind = groups.into_iter().map(|(group, behind)| Behind { group, behind });
    behind.collect()
}

fn dead_letters() -> Vec<DeadLetters> {
    let mut topics: Vec<DeadLetters> = gauges::of("dlq_messages")
        .iter()
        .map(|series| DeadLetters {
            topic: label(series, "topic").unwrap_or_default().to_owned(),
            messages: count(series),
        })
        .collect();
    topics.sort_by(|one, other| one.topic.cmp(&other.topic));
    topics
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole and never negative, and the cast saturates"
)]
fn count(series: &Series) -> u64 {
    series.1 as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_by_their_time() {
        let bound = first_id_within(Duration::from_secs(60));
        let millis = |id: Uuid| id.get_timestamp().map(|at| at.to_unix().0);
        let age = millis(Uuid::now_v7()).zip(millis(bound)).map(|(now, then)| now - then);
        assert!(matches!(age, Some(60..=90)), "{age:?}");
        assert!(bound < Uuid::now_v7());
    }
}
