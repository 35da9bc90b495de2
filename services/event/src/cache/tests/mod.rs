//! The cache on a real Redis, with loads that tests hold, count and fail.

mod faults;
mod forgetting;
mod loading;

use super::{Cache, CacheConfig, Cached, Held, ListGeneration, LoadLimit, Loaded, Shared};
use common::{
    config::Env,
    problem::{ApiResult, Code, Problem},
    redis::{RedisConfig, connect},
};
use redis::{AsyncCommands, aio::MultiplexedConnection};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use test_support::{TestEnv, connect_redis};
use tokio::sync::Semaphore;

const SOON: Duration = Duration::from_secs(20);
const KEY: &str = "cache:event:1";

/// An object that is a number.
struct Number(u64);

impl Cached for Number {
    const NAME: &'static str = "number";

    fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.0.to_string().into_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(std::str::from_utf8(bytes)?.parse()?))
    }
}

/// The database: what is loaded from it, how often, and whether a load may end.
#[derive(Clone)]
struct Database {
    value: Arc<AtomicU64>,
    begun: Arc<AtomicUsize>,
    /// A load takes one of these before it ends, having read the value before.
    ends: Arc<Semaphore>,
}

impl Database {
    fn quick() -> Self {
        Self::with(Semaphore::MAX_PERMITS)
    }

    /// Whose loads end when the test says so.
    fn held() -> Self {
        Self::with(0)
    }

    fn with(ends: usize) -> Self {
        Self {
            value: Arc::new(AtomicU64::new(1)),
            begun: Arc::default(),
            ends: Arc::new(Semaphore::new(ends)),
        }
    }

    async fn load(&self) -> Result<u64, Problem> {
        let value = self.value.load(Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.ends.acquire().await.unwrap().forget();
        if value == FAILS {
            return Err(Problem::new(Code::ServiceUnavailable));
        }
        Ok(value)
    }

    fn loads(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    fn set(&self, value: u64) {
        self.value.store(value, Ordering::SeqCst);
    }

    fn let_one_end(&self) {
        self.ends.add_permits(1);
    }
}

/// What is not there, and what cannot be read.
const MISSING: u64 = 404;
const FAILS: u64 = 503;

/// A process with a cache.
struct Process {
    shared: Arc<Shared>,
    cache: Cache<Number>,
    lists: Arc<ListGeneration>,
}

impl Process {
    fn new(redis_url: &str, settings: &[(&str, &str)]) -> Arc<Self> {
        let env = Env::from_pairs(settings.iter().copied()).unwrap();
        let config = CacheConfig::from_env(&env).unwrap();
        let redis = connect(&RedisConfig::Single(redis_url.to_owned())).unwrap();
        let shared = Arc::new(Shared::new(redis, &config));
        let limit = LoadLimit::new(config.loads_max, config.load_wait);
        Arc::new(Self {
            cache: Cache::new(&shared, &limit, &config, 100),
            lists: Arc::new(ListGeneration::new(&shared, config.known_for)),
            shared,
        })
    }

    async fn get(&self, database: &Database) -> ApiResult<Option<u64>> {
        self.get_tagged(KEY, "", database).await
    }

    async fn get_tagged(&self, key: &str, tag: &str, database: &Database) -> ApiResult<Option<u64>> {
        let load = || async {
            let value = database.load().await?;
            Ok((value != MISSING).then_some(Loaded {
                value: Number(value),
                ttl: Duration::from_secs(300),
            }))
        };
        let held: Option<Arc<Held<Number>>> = self.cache.get(key, tag, load).await?;
        Ok(held.map(|held| held.value.0))
    }
}

/// A Redis database of the test's own, and processes that share it. They ask Redis each time, unless a test says otherwise.
struct World {
    env: TestEnv,
}

const ASKS_EACH_TIME: (&str, &str) = ("CACHE_KNOWN_MILLIS", "0");
/// Longer than any test waits.
const LONG_LOCK: (&str, &str) = ("CACHE_LOCK_MILLIS", "60000");

impl World {
    async fn new() -> Self {
        Self {
            env: TestEnv::new().await,
        }
    }

    fn process(&self, settings: &[(&str, &str)]) -> Arc<Process> {
        // Twenty tests run beside this one: a slow Redis is no fault here.
        let patient = [settings, &[("CACHE_REDIS_TIMEOUT_MILLIS", "10000")]].concat();
        Process::new(self.env.redis_url(), &patient)
    }

    async fn redis(&self) -> MultiplexedConnection {
        connect_redis(self.env.redis_url()).await
    }

    /// Makes the object one that somebody should load early.
    async fn make_due(&self, key: &str) {
        let _: () = self.redis().await.hset(key, "refreshAt", 0).await.unwrap();
    }
}
