//! Clients of the broker.

use std::time::Duration;

use common::config::{ConfigError, Env};
use rdkafka::{
    ClientContext, Statistics,
    admin::AdminClient,
    config::{ClientConfig, RDKafkaLogLevel},
    consumer::ConsumerContext,
    error::{KafkaError, KafkaResult},
    producer::FutureProducer,
};

/// Where the broker is.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// `KAFKA_BROKERS`, default `127.0.0.1:19092`.
    pub brokers: String,
    /// `KAFKA_TOPIC_PREFIX` of topics and consumer groups, default none; keeps systems that share a broker apart.
    pub prefix: String,
}

impl KafkaConfig {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// When the address is missing in production.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            brokers: env.address("KAFKA_BROKERS", "127.0.0.1:19092")?,
            prefix: env.string_or("KAFKA_TOPIC_PREFIX", ""),
        })
    }

    /// What every client has in common.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "ticket-queue")
            .set("socket.nagle.disable", "true")
            .set("socket.keepalive.enable", "true")
            // A broker that comes back is found within a second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            // A topic that is made later is found within seconds, not five minutes.
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set_log_level(RDKafkaLogLevel::Warning);
        config
    }

    /// A producer that never reorders and never repeats by itself. A delivery without an answer fails after `timeout`.
    ///
    /// # Errors
    ///
    /// When the settings are refused; it connects later.
    pub fn producer(&self, timeout: Duration) -> KafkaResult<FutureProducer<Logged>> {
        self.client()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("message.timeout.ms", timeout.as_millis().to_string())
            // The same partition as the tools of Kafka itself would choose.
            .set("partitioner", "murmur2_random")
            .set("queue.buffering.max.kbytes", "16384")
            .create_with_context(Logged)
    }

    /// A client that makes and describes topics.
    ///
    /// # Errors
    ///
    /// When the settings are refused; it connects later.
    pub fn admin(&self) -> KafkaResult<AdminClient<Logged>> {
        self.client().create_with_context(Logged)
    }
}

/// Passes the library's own log on to ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logged;

impl ClientContext for Logged {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }

    fn stats(&self, _: Statistics) {}
}

impl ConsumerContext for Logged {}

pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::warn!(kafka.facility = facility, "{message}");
        }
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => tracing::info!(kafka.facility = facility, "{message}"),
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::debug!(kafka.facility = facility, "{message}"),
    }
}

/// A warning, not an error: the library goes on trying, and whoever waits for it says so at its own level.
pub(crate) fn log_error(error: &KafkaError, reason: &str) {
    tracing::warn!(error.message = %error, "Kafka: {reason}");
}
