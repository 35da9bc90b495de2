use crate::domain::{Limits, PollLimits, TicketKeys};
use common::{
    Clock,
    config::{ConfigError, Env, ServerConfig},
    db::DbConfig,
    internal_auth::{Service, SigningKey, Verifier},
    redis::RedisConfig,
};
use std::time::Duration;

/// The service's settings.
#[derive(Clone)]
pub struct Config {
    /// Where it listens; port 8083 by default.
    pub server: ServerConfig,
    /// Its database: settings, audit, epochs, inbox.
    pub db: DbConfig,
    /// `DB_WORKER_POOL_MAX`: connections for consumers and loops, which must not take those that requests wait for;
    /// default 8, which is one per partition of both consumed topics and two for the rest.
    pub worker_pool_max: u32,
    /// Where the lines are.
    pub redis: RedisConfig,
    /// Kafka, and how messages are handled and kept.
    pub outbox: outbox::Config,
    /// `EVENT_SERVICE_URL`.
    pub event_service_url: String,
    /// `RESERVATION_SERVICE_URL`.
    pub reservation_service_url: String,
    /// How its own calls are signed.
    pub signing_key: SigningKey,
    /// The keys of those who may call.
    pub verifier: Verifier,
    /// For signatures only: the line's clock is Redis'.
    pub clock: Clock,
    pub(crate) ticket_keys: TicketKeys,
    pub(crate) limits: Limits,
    pub(crate) polling: PollLimits,
    pub(crate) streaming: Streaming,
    /// `ADMISSION_TICK_MILLIS`: how often each replica runs admission for each event, default 1000.
    pub admission_tick: Duration,
    /// `EVENT_FACTS_CACHE_SECONDS`: how old a sale window may be, default 5.
    pub event_facts_ttl: Duration,
    /// `AVAILABILITY_CACHE_SECONDS`: how old a count of unsold seats may be before it is asked for again, default 1.
    pub availability_ttl: Duration,
    /// `AVAILABILITY_UNKNOWN_SECONDS`: how old it may be before nobody is admitted, default 10.
    pub availability_patience: Duration,
    /// `EVENT_SETTINGS_CACHE_SECONDS`: how long a change of settings may take to reach other replicas, default 1.
    pub event_settings_ttl: Duration,
    /// `QUEUE_RECOVERY_PAUSE_SECONDS`: how long nobody is admitted after Redis lost its memory, default 60.
    pub recovery_pause: Duration,
}

/// How the events of `GET /queue/stream` are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streaming {
    /// `QUEUE_STREAM_TICK_MILLIS`: how often a watched line is read, default 250: a step forward is to be told within a second, of
    /// which telling ten thousand takes a part.
    pub(crate) tick: Duration,
    /// `QUEUE_STREAM_POLL_SECONDS`: how often each stream polls for its own place besides, default 25; far less than the
    /// grace of silent waiters.
    pub(crate) poll: Duration,
    /// `QUEUE_STREAM_HEARTBEAT_SECONDS`: how long a stream is without a word at most, default 15: proxies, and we ourselves, take
    /// a silent connection for dead sooner or later.
    pub(crate) heartbeat: Duration,
    /// `QUEUE_STREAM_MAX_SECONDS`: after this long a stream ends and its client opens it again with a token that is still
    /// good, default 15 minutes.
    pub(crate) longest: Duration,
}

impl Streaming {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let tick = env.millis_or("QUEUE_STREAM_TICK_MILLIS", 250)?;
        if tick.is_zero() {
            return Err(ConfigError::new("QUEUE_STREAM_TICK_MILLIS", "is 0"));
        }
        Ok(Self {
            tick,
            poll: env.seconds_or("QUEUE_STREAM_POLL_SECONDS", 25)?,
            heartbeat: env.seconds_or("QUEUE_STREAM_HEARTBEAT_SECONDS", 15)?,
            longest: env.seconds_or("QUEUE_STREAM_MAX_SECONDS", 900)?,
        })
    }
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a value is missing in production or does not parse, naming its variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let clock = Clock::system();
        Ok(Self {
            server: ServerConfig::from_env(env, 8083)?,
            db: DbConfig::from_env(env, "queue")?,
            worker_pool_max: env.parse_or("DB_WORKER_POOL_MAX", 8)?,
            redis: RedisConfig::from_env(env)?,
            outbox: outbox::Config::from_env(env)?,
            event_service_url: env.address("EVENT_SERVICE_URL", "http://127.0.0.1:8082")?,
            reservation_service_url: env.address("RESERVATION_SERVICE_URL", "http://127.0.0.1:8084")?,
            signing_key: SigningKey::from_env(env, Service::Queue)?,
            verifier: Verifier::from_env(env, clock.clone())?,
            clock,
            ticket_keys: TicketKeys::from_env(env)?,
            limits: Limits::from_env(env)?,
            polling: PollLimits::from_env(env)?,
            streaming: Streaming::from_env(env)?,
            admission_tick: env.millis_or("ADMISSION_TICK_MILLIS", 1000)?,
            event_facts_ttl: env.seconds_or("EVENT_FACTS_CACHE_SECONDS", 5)?,
            availability_ttl: env.seconds_or("AVAILABILITY_CACHE_SECONDS", 1)?,
            availability_patience: env.seconds_or("AVAILABILITY_UNKNOWN_SECONDS", 10)?,
            event_settings_ttl: env.seconds_or("EVENT_SETTINGS_CACHE_SECONDS", 1)?,
            recovery_pause: env.seconds_or("QUEUE_RECOVERY_PAUSE_SECONDS", 60)?,
        })
    }
}
