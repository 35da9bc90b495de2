use common::config::{ConfigError, Env};
use std::time::Duration;

/// How long things are kept and waited for.
#[derive(Clone, Debug)]
pub(crate) struct CacheConfig {
    /// `CACHE_TTL_SECONDS`: how long concerts, lists and seat layouts are kept, default 300.
    pub(crate) ttl: Duration,
    /// `CACHE_TTL_NEAR_OPENING_SECONDS`: how long when a sale opens or has opened within that time, default 60.
    pub(crate) ttl_near_opening: Duration,
    /// `CACHE_KNOWN_MILLIS`: how long a process answers from its own memory before it asks Redis, or the database for seat
    /// counts, whether that still holds; default 250. Twice as long while somebody is asking.
    pub(crate) known_for: Duration,
    /// `CACHE_LOCK_MILLIS`: after which time another loads what a loader that died was loading, default 3000.
    pub(crate) lock: Duration,
    /// `CACHE_REDIS_TIMEOUT_MILLIS`: how long Redis is waited for before the database is asked instead, default 200.
    pub(crate) redis_timeout: Duration,
    /// `CACHE_LOADS_MAX`: how many loads a process runs at once, default 6 of its ten connections.
    pub(crate) loads_max: usize,
    /// `CACHE_LOAD_WAIT_MILLIS`: how long a load waits for its turn before it is refused, default 1000.
    pub(crate) load_wait: Duration,
    /// `CACHE_LOCAL_ENTRIES`: how many concerts, and how many pages of the list, a process keeps, default 1000.
    pub(crate) local_entries: usize,
    /// `CACHE_LOCAL_SEAT_MAPS`: how many seat maps a process keeps, default 64.
    pub(crate) local_seat_maps: usize,
}

impl CacheConfig {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            ttl: env.seconds_or("CACHE_TTL_SECONDS", 300)?,
            ttl_near_opening: env.seconds_or("CACHE_TTL_NEAR_OPENING_SECONDS", 60)?,
            known_for: env.millis_or("CACHE_KNOWN_MILLIS", 250)?,
            lock: env.millis_or("CACHE_LOCK_MILLIS", 3000)?,
            redis_timeout: env.millis_or("CACHE_REDIS_TIMEOUT_MILLIS", 200)?,
            loads_max: env.parse_or("CACHE_LOADS_MAX", 6)?,
            load_wait: env.millis_or("CACHE_LOAD_WAIT_MILLIS", 1000)?,
            local_entries: env.parse_or("CACHE_LOCAL_ENTRIES", 1000)?,
            local_seat_maps: env.parse_or("CACHE_LOCAL_SEAT_MAPS", 64)?,
        })
    }
}
