use crate::{cache::CacheConfig, posters::PosterConfig};
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
    /// Where it listens; port 8082 by default.
    pub server: ServerConfig,
    /// Its database.
    pub db: DbConfig,
    /// Redis, which has the cache that all replicas share. The service goes on without it.
    pub redis: RedisConfig,
    /// What is kept ready, and for how long.
    pub(crate) cache: CacheConfig,
    /// `DB_WORKER_POOL_MAX`: connections for consumers and relay, which must not take those that requests wait for;
    /// default 8, which is one per partition of the two topics that sell, and two for the rest.
    pub worker_pool_max: u32,
    /// Kafka, and how messages are sent, handled and kept.
    pub outbox: outbox::Config,
    /// `IDEMPOTENCY_PURGE_INTERVAL_SECONDS`: how often keys older than 24 hours are deleted, default one hour.
    pub idempotency_purge_interval: Duration,
    /// `DEFAULT_MAX_TICKETS_PER_USER`: how many tickets one buyer of a concert may have unless its administrator says
    /// otherwise, default 4.
    pub default_max_tickets: i32,
    /// Where posters are kept.
    pub(crate) posters: PosterConfig,
    /// `RESERVATION_SERVICE_URL`.
    pub reservation_url: String,
    /// `INTERNAL_KEY_EVENT`: what this service signs its calls with.
    pub key: SigningKey,
    /// The keys of those who may call.
    pub verifier: Verifier,
    /// For signatures and for the status that replies show.
    pub clock: Clock,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a value is missing in production or does not parse, naming its variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let clock = Clock::system();
        Ok(Self {
            server: ServerConfig::from_env(env, 8082)?,
            db: DbConfig::from_env(env, "event")?,
            redis: RedisConfig::from_env(env)?,
            cache: CacheConfig::from_env(env)?,
            worker_pool_max: env.parse_or("DB_WORKER_POOL_MAX", 8)?,
            outbox: outbox::Config::from_env(env)?,
            idempotency_purge_interval: env.seconds_or("IDEMPOTENCY_PURGE_INTERVAL_SECONDS", 3600)?,
            default_max_tickets: env.parse_or("DEFAULT_MAX_TICKETS_PER_USER", 4)?,
            posters: PosterConfig::from_env(env)?,
            reservation_url: env.address("RESERVATION_SERVICE_URL", "http://127.0.0.1:8084")?,
            key: SigningKey::from_env(env, Service::Event)?,
            verifier: Verifier::from_env(env, clock.clone())?,
            clock,
        })
    }
}
