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
    /// Where it listens; port 8084 by default.
    pub server: ServerConfig,
    /// Its database.
    pub db: DbConfig,
    /// `DB_WORKER_POOL_MAX`: connections for consumers, relay and loops, which must not take those that requests wait for;
    /// default 8.
    pub worker_pool_max: u32,
    /// Redis, for seat holds.
    pub redis: RedisConfig,
    /// Kafka, and how messages are sent, handled and kept.
    pub outbox: outbox::Config,
    /// How holds, locks and lists behave.
    pub limits: Limits,
    /// The other services.
    pub neighbours: Neighbours,
    /// The keys of those who may call.
    pub verifier: Verifier,
    /// For signatures and the ages of cached things; never for a decision about a reservation.
    pub clock: Clock,
}

/// Durations and numbers of `design.md` §3.4 and §8.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `HOLD_TTL_SECONDS`: how long seats are held for the payment, default 300.
    pub hold_ttl: Duration,
    /// `MAX_TICKETS_PER_BOOKING`: seats per reservation, default 4.
    pub max_tickets_per_booking: usize,
    /// `SWEEP_INTERVAL_SECONDS`: how often holds that ran out are looked for, default 1.
    pub sweep_interval: Duration,
    /// `SWEEP_CHUNK`: how many of them one transaction ends, default 200.
    pub sweep_chunk: i64,
    /// `HOLD_REBUILD_CHECK_SECONDS`: how often to look whether Redis has lost holds, default 1.
    pub rebuild_check_interval: Duration,
    /// `CLOSING_CHUNK`: how many reservations of a cancelled event one transaction ends, default 200.
    pub closing_chunk: i64,
    /// `CLOSING_INTERVAL_SECONDS`: how often reservations of cancelled events are looked for that a payment had locked, or
    /// another replica was at, default 1.
    pub closing_interval: Duration,
    /// `PAYMENT_LOCK_REDIS_SECONDS`: how long Redis keeps others off seats that a payment has locked, default 300. It is
    /// renewed while the payment runs; the database needs no such limit. A crash leaves a hold of this length at most.
    pub payment_lock_redis_ttl: Duration,
    /// `PAYMENT_LOCK_QUERY_AFTER_SECONDS`: the age of a lock at which the payment service is asked what became of the
    /// payment, default 120.
    pub lock_query_after: Duration,
    /// `PAYMENT_LOCK_QUERY_AGAIN_SECONDS`: how soon it is asked again about the same lock, default 30.
    pub lock_query_again: Duration,
    /// `PAYMENT_LOCK_QUERY_INTERVAL_SECONDS`: how often old locks are looked for, default 2.
    pub lock_query_interval: Duration,
    /// `CATALOGUE_TTL_SECONDS`: how long an event and its seats are kept in memory if no message says that they changed,
    /// default 60.
    pub catalogue_ttl: Duration,
    /// `CATALOGUE_MAX_EVENTS`: how many events are kept in memory, default 64.
    pub catalogue_max_events: usize,
    /// `LONG_POLL_MAX_SECONDS`: the longest a request may wait for a change, default 25, which ends before the gateway's
    /// time-out.
    pub long_poll_max: Duration,
    /// `LONG_POLL_RECHECK_SECONDS`: how often a waiting request looks for changes that another replica made, default 1.
    pub long_poll_recheck: Duration,
    /// `IDEMPOTENCY_PURGE_INTERVAL_SECONDS`: how often keys older than 24 hours are deleted, default one hour.
    pub idempotency_purge_interval: Duration,
}

/// The services this one calls, and the key it signs with.
#[derive(Clone)]
pub struct Neighbours {
    /// `EVENT_SERVICE_URL`.
    pub event_url: String,
    /// `QUEUE_SERVICE_URL`.
    pub queue_url: String,
    /// `PAYMENT_SERVICE_URL`.
    pub payment_url: String,
    /// `INTERNAL_KEY_RESERVATION`.
    pub key: SigningKey,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a value is missing in production or does not parse, naming its variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let clock = Clock::system();
        Ok(Self {
            server: ServerConfig::from_env(env, 8084)?,
            db: DbConfig::from_env(env, "reservation")?,
            worker_pool_max: env.parse_or("DB_WORKER_POOL_MAX", 8)?,
            redis: RedisConfig::from_env(env)?,
            outbox: outbox::Config::from_env(env)?,
            limits: Limits::from_env(env)?,
            neighbours: Neighbours {
                event_url: env.address("EVENT_SERVICE_URL", "http://127.0.0.1:8082")?,
                queue_url: env.address("QUEUE_SERVICE_URL", "http://127.0.0.1:8083")?,
                payment_url: env.address("PAYMENT_SERVICE_URL", "http://127.0.0.1:8085")?,
                key: SigningKey::from_env(env, Service::Reservation)?,
            },
            verifier: Verifier::from_env(env, clock.clone())?,
            clock,
        })
    }
}

impl Limits {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a value does not parse or is out of its range, naming its variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let limits = Self {
            hold_ttl: env.seconds_or("HOLD_TTL_SECONDS", 300)?,
            max_tickets_per_booking: env.parse_or("MAX_TICKETS_PER_BOOKING", 4)?,
            sweep_interval: env.seconds_or("SWEEP_INTERVAL_SECONDS", 1)?,
            sweep_chunk: env.parse_or("SWEEP_CHUNK", 200)?,
            rebuild_check_interval: env.seconds_or("HOLD_REBUILD_CHECK_SECONDS", 1)?,
            closing_chunk: env.parse_or("CLOSING_CHUNK", 200)?,
            closing_interval: env.seconds_or("CLOSING_INTERVAL_SECONDS", 1)?,
            payment_lock_redis_ttl: env.seconds_or("PAYMENT_LOCK_REDIS_SECONDS", 300)?,
            lock_query_after: env.seconds_or("PAYMENT_LOCK_QUERY_AFTER_SECONDS", 120)?,
            lock_query_again: env.seconds_or("PAYMENT_LOCK_QUERY_AGAIN_SECONDS", 30)?,
            lock_query_interval: env.seconds_or("PAYMENT_LOCK_QUERY_INTERVAL_SECONDS", 2)?,
            catalogue_ttl: env.seconds_or("CATALOGUE_TTL_SECONDS", 60)?,
            catalogue_max_events: env.parse_or("CATALOGUE_MAX_EVENTS", 64)?,
            long_poll_max: env.seconds_or("LONG_POLL_MAX_SECONDS", 25)?,
            long_poll_recheck: env.seconds_or("LONG_POLL_RECHECK_SECONDS", 1)?,
            idempotency_purge_interval: env.seconds_or("IDEMPOTENCY_PURGE_INTERVAL_SECONDS", 3600)?,
        };
        // A hold of no length would be over before its reply, and Redis refuses it.
        if limits.hold_ttl < Duration::from_millis(1) {
            return Err(ConfigError::new("HOLD_TTL_SECONDS", "must be at least a millisecond"));
        }
        if limits.max_tickets_per_booking == 0 {
            return Err(ConfigError::new("MAX_TICKETS_PER_BOOKING", "must be at least 1"));
        }
        for (variable, chunk) in [
            ("SWEEP_CHUNK", limits.sweep_chunk),
            ("CLOSING_CHUNK", limits.closing_chunk),
        ] {
            if chunk < 1 {
                return Err(ConfigError::new(variable, "must be at least 1"));
            }
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_of_no_length_is_refused_by_name() {
        let env = Env::from_pairs([("HOLD_TTL_SECONDS", "0")]).unwrap();
        assert_eq!(Limits::from_env(&env).unwrap_err().variable, "HOLD_TTL_SECONDS");
        let defaults = Limits::from_env(&Env::from_pairs::<String, String>([]).unwrap()).unwrap();
        assert_eq!(defaults.hold_ttl, Duration::from_secs(300));
        assert_eq!(defaults.lock_query_after, Duration::from_secs(120));
    }
}
