//! The level in Redis, which all replicas share.

use super::{config::CacheConfig, keys};
use common::redis::Redis;
use redis::{AsyncCommands, RedisError, RedisResult, Script, ScriptInvocation, cmd, pipe};
use std::{
    io,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

static LOOK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../../lua/cache_look.lua")));
static STORE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../../lua/cache_store.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../../lua/cache_release.lua")));

/// How long a Redis that did not answer is left alone. One that is a cluster is always asked, because only a part of it may
/// be away, and its client waits for a silent part only briefly.
const PAUSE: Duration = Duration::from_millis(500);

/// Part of the time that an object is kept, after which somebody loads it early.
const EARLY: f64 = 0.8;

/// The cache in Redis as one process sees it.
pub(crate) struct Shared {
    redis: Redis,
    /// The beginning of the tokens of this process's locks.
    owner: String,
    locks: AtomicU64,
    lock: Duration,
    timeout: Duration,
    started: Instant,
    /// Until when Redis is left alone, in milliseconds since `started`.
    away_until: AtomicU64,
}

/// An object as Redis has it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) ends_in: Duration,
    /// The name of this making of it.
    pub(super) made: String,
    /// Nothing if it is the making that the caller has already.
    pub(super) value: Option<Vec<u8>>,
}

/// What to do about an object.
#[derive(Debug)]
pub(super) enum Look {
    Show(Found),
    /// Load it; until that is done it is still this, if anything.
    Load {
        token: String,
        old: Option<Found>,
    },
    /// Another process loads it.
    Wait,
}

impl Shared {
    pub(crate) fn new(redis: Redis, config: &CacheConfig) -> Self {
        Self {
            redis,
            owner: Uuid::new_v4().to_string(),
            locks: AtomicU64::new(0),
            lock: config.lock,
            timeout: config.redis_timeout,
            started: Instant::now(),
            away_until: AtomicU64::new(0),
        }
    }

    /// What is there under the key. `takes_over` says that a lock of this process is of a request that was dropped.
    pub(super) async fn look(&self, key: &str, tag: &str, made: &str, takes_over: bool) -> RedisResult<Look> {
        let token = format!("{}:{}", self.owner, self.locks.fetch_add(1, Ordering::Relaxed));
        let mut call = LOOK.key(key);
        call.arg(tag)
            .arg(made)
            .arg(if takes_over { self.owner.as_str() } else { "" })
            .arg(&token)
            .arg(millis(self.lock));
        let (word, ends_in, found, value): (String, u64, String, Vec<u8>) = self.ask(&call).await?;
        let there = (!found.is_empty()).then(|| Found {
            ends_in: Duration::from_millis(ends_in),
            value: (found != made).then_some(value),
            made: found,
        });
        Ok(match (word.as_str(), there) {
            ("SHOW", Some(found)) => Look::Show(found),
            ("LOAD", old) => Look::Load { token, old },
            _ => Look::Wait,
        })
    }

    /// Keeps what was loaded under the lock. Whether the lock was still there.
    pub(super) async fn store(
        &self,
        key: &str,
        token: &str,
        tag: &str,
        value: &[u8],
        ttl: Duration,
    ) -> RedisResult<bool> {
        let mut call = STORE.key(key);
        call.arg(token)
            .arg(tag)
            // A token is given to one load only, so it names what came of it.
            .arg(token)
            .arg(value)
            .arg(millis(ttl.mul_f64(EARLY)))
            .arg(millis(ttl).max(1));
        self.ask(&call).await
    }

    /// Gives the lock back. If that fails it ends by itself.
    pub(super) async fn release(&self, key: &str, token: &str) {
        let mut call = RELEASE.key(key);
        call.arg(token);
        let _ends_by_itself: RedisResult<i32> = self.ask(&call).await;
    }

    /// The generation of the lists, which the first to ask makes up.
    pub(super) async fn list_generation(&self) -> RedisResult<String> {
        let new = Uuid::new_v4().to_string();
        let mut set = cmd("SET");
        set.arg(keys::LIST_GENERATION).arg(&new).arg("NX").arg("GET");
        let before: Option<String> = self
            .waiting(async { set.query_async(&mut self.redis.clone()).await })
            .await?;
        Ok(before.unwrap_or(new))
    }

    /// Begins a new generation of the lists. Asks Redis even if it was away a moment ago.
    pub(super) async fn new_list_generation(&self) -> RedisResult<String> {
        let (mut redis, new) = (self.redis.clone(), Uuid::new_v4().to_string());
        redis.set::<_, _, ()>(keys::LIST_GENERATION, &new).await?;
        Ok(new)
    }

    /// Forgets objects and whoever loads them. Asks Redis even if it was away a moment ago.
    pub(super) async fn forget(&self, keys: &[String]) -> RedisResult<()> {
        let mut commands = pipe();
        for key in keys {
            commands.del(key).ignore();
        }
        commands.query_async(&mut self.redis.clone()).await
    }

    async fn ask<T: redis::FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> RedisResult<T> {
        self.waiting(async { call.invoke_async(&mut self.redis.clone()).await })
            .await
    }

    /// Waits for Redis no longer than a request should.
    async fn waiting<T>(&self, reply: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        if millis(self.started.elapsed()) < self.away_until.load(Ordering::Relaxed) {
            return Err(away());
        }
        let result = timeout(self.timeout, reply).await.unwrap_or_else(|_| Err(away()));
        if let Err(error) = &result {
            metrics::counter!("cache_redis_faults_total").increment(1);
            tracing::debug!(error.message = %error, "the cache does without Redis");
            if !self.redis.is_cluster() {
                let until = millis(self.started.elapsed() + PAUSE);
                self.away_until.store(until, Ordering::Relaxed);
            }
        }
        result
    }
}

fn away() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
