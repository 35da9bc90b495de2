//! Settings; each default is design.md's.

use std::time::Duration;

use common::config::{ConfigError, Env};

use crate::KafkaConfig;

/// Everything this crate wants to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker.
    pub kafka: KafkaConfig,
    /// Sending.
    pub relay: RelayConfig,
    /// Receiving.
    pub consumer: ConsumerConfig,
    /// Deleting.
    pub retention: RetentionConfig,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// When a value does not parse, naming its variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            kafka: KafkaConfig::from_env(env)?,
            relay: RelayConfig {
                poll_interval: env.seconds_or("OUTBOX_POLL_SECONDS", 1)?,
                lease: env.seconds_or("OUTBOX_LEASE_SECONDS", 3)?,
                batch_per_shard: env.parse_or("OUTBOX_BATCH_PER_SHARD", 32)?,
                row_attempts: env.parse_or("OUTBOX_ROW_ATTEMPTS", 3)?,
                delivery_timeout: env.seconds_or("OUTBOX_DELIVERY_TIMEOUT_SECONDS", 30)?,
            },
            consumer: ConsumerConfig {
                retries: env.parse_or("CONSUMER_RETRIES", 3)?,
                first_retry: env.seconds_or("CONSUMER_RETRY_SECONDS", 1)?,
                max_retry: env.seconds_or("CONSUMER_RETRY_MAX_SECONDS", 10)?,
                handler_timeout: env.seconds_or("CONSUMER_HANDLER_TIMEOUT_SECONDS", 30)?,
                session_timeout: env.seconds_or("CONSUMER_SESSION_TIMEOUT_SECONDS", 6)?,
            },
            retention: RetentionConfig {
                outbox: env.seconds_or("OUTBOX_RETENTION_SECONDS", 7 * 24 * 3600)?,
                inbox: env.seconds_or("INBOX_RETENTION_SECONDS", 30 * 24 * 3600)?,
                interval: env.seconds_or("OUTBOX_RETENTION_INTERVAL_SECONDS", 3600)?,
            },
        })
    }
}

/// How the relay sends.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// `OUTBOX_POLL_SECONDS`: how long a row whose commit woke nobody waits at most, default 1.
    pub poll_interval: Duration,
    /// `OUTBOX_LEASE_SECONDS`: after how long another replica takes over from one that died, default 3.
    pub lease: Duration,
    /// `OUTBOX_BATCH_PER_SHARD`: rows read at once of each of the 16 shards, default 32.
    pub batch_per_shard: u16,
    /// `OUTBOX_ROW_ATTEMPTS`: tries before a row that cannot be sent is parked, default 3.
    pub row_attempts: u16,
    /// `OUTBOX_DELIVERY_TIMEOUT_SECONDS`: after how long a delivery without an answer is begun anew, default 30.
    pub delivery_timeout: Duration,
}

/// How consumers handle.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// `CONSUMER_RETRIES`: how often a message is tried again after a transient failure, default 3.
    pub retries: u32,
    /// `CONSUMER_RETRY_SECONDS`: the wait before the first of these, doubling, default 1.
    pub first_retry: Duration,
    /// `CONSUMER_RETRY_MAX_SECONDS`: the longest wait, default 10.
    pub max_retry: Duration,
    /// `CONSUMER_HANDLER_TIMEOUT_SECONDS`: how long one try may take, default 30.
    pub handler_timeout: Duration,
    /// `CONSUMER_SESSION_TIMEOUT_SECONDS`: after how long the broker gives a dead replica's partitions away, default 6,
    /// which is the least that brokers allow unless told otherwise.
    pub session_timeout: Duration,
}

/// How long rows are kept.
#[derive(Clone, Debug)]
pub struct RetentionConfig {
    /// `OUTBOX_RETENTION_SECONDS`: published rows of the outbox, default 7 days.
    pub outbox: Duration,
    /// `INBOX_RETENTION_SECONDS`: rows of the inbox, default 30 days, because dead letters may be replayed late.
    pub inbox: Duration,
    /// `OUTBOX_RETENTION_INTERVAL_SECONDS`: how often to look, default one hour.
    pub interval: Duration,
}
