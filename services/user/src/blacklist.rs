//! Sessions that have ended, as the gateway sees them: it refuses access tokens whose `sid` stands on the blacklist in Redis.
//!
//! The list in PostgreSQL (`ended_sessions`) is the truth, written in the transaction that ends a session; Redis is told
//! after the commit, and again by the worker until that has worked.
//!
//! | who dies where | then |
//! |---|---|
//! | we, after the commit and before telling Redis | the worker of any replica tells it, within seconds |
//! | Redis, before it was told | the same, once it is back |
//! | Redis, and it forgets the last second or all | its process or the mark is another one: everything on the list is told again |
//! | PostgreSQL | what was told stands in Redis until the tokens have expired |
//!
//! Refresh tokens need none of this: their rows say that they have ended.

use crate::db;
use common::redis::Redis;
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

/// Names the Redis processes that have been told everything.
const WHOLE_KEY: &str = "token:blacklist:whole";
const CHUNK: i64 = 500;
/// Longer than the tokens live, so that no clock lets one slip through.
const MARGIN: Duration = Duration::from_secs(60);

/// Sessions that ended in a transaction: after its commit they must be told ([`crate::sessions::Sessions::tell_or_leave`]).
#[must_use = "the gateway is told of them after the commit"]
#[derive(Debug, Default)]
pub(crate) struct Ended(pub(crate) Vec<Uuid>);

/// The blacklist in Redis.
pub(crate) struct Blacklist {
    redis: Redis,
    access_ttl: Duration,
}

impl Blacklist {
    pub(crate) fn new(redis: Redis, access_ttl: Duration) -> Self {
        Self { redis, access_ttl }
    }

    /// How long a session must stand there: every access token of it was issued at most one lifetime before it ended.
    fn span(&self) -> Duration {
        self.access_ttl + MARGIN
    }

    /// One access token, for the rest of its life.
    pub(crate) async fn add_token(&self, hash: &str, rest: Duration) -> redis::RedisResult<()> {
        self.set(&format!("token:blacklist:{hash}"), rest + MARGIN).await
    }

    pub(crate) async fn add(&self, sessions: &Ended) -> redis::RedisResult<()> {
        for session in &sessions.0 {
            self.set(&session_key(*session), self.span()).await?;
        }
        Ok(())
    }

    async fn set(&self, key: &str, ttl: Duration) -> redis::RedisResult<()> {
        redis::cmd("SET")
            .arg(key)
            .arg(1)
            .arg("EX")
            .arg(ttl.as_secs().max(1))
            .query_async(&mut self.redis.clone())
            .await
    }

    /// Notices whether Redis may have lost entries, and if so has all of them told again. The mark is set before they are
    /// told: whatever is lost after it takes the mark with it, or is another process's.
    pub(crate) async fn notice_loss(&self, db: &PgPool) -> anyhow::Result<()> {
        let memory = self.redis.memory(WHOLE_KEY).await?;
        if memory.mark().is_some_and(|whole| memory.is_of(whole)) {
            return Ok(());
        }
        let sessions = db::ended_sessions::forget_blacklisted(&mut *db.acquire().await?).await?;
        if sessions > 0 {
            tracing::warn!(
                session.count = sessions,
                "Redis may have forgotten ended sessions; it is told again"
            );
        }
        Ok(self.redis.mark(WHOLE_KEY, &memory.processes()).await?)
    }

    /// Tells Redis of some that it may lack; returns whether there may be more.
    pub(crate) async fn tell_missing(&self, db: &PgPool) -> anyhow::Result<bool> {
        let mut transaction = db.begin().await?;
        let missing = db::ended_sessions::claim_missing(&mut transaction, CHUNK).await?;
        if missing.is_empty() {
            return Ok(false);
        }
        let now = self.redis.now().await?;
        for session in &missing {
            let age = (now - session.ended_at).to_std().unwrap_or_default();
            self.set(&session_key(session.session_id), self.span().saturating_sub(age))
                .await?;
        }
        let told: Vec<Uuid> = missing.iter().map(|session| session.session_id).collect();
        db::ended_sessions::mark_blacklisted(&mut transaction, &told).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Forgets sessions whose access tokens have all expired.
    pub(crate) async fn forget_old(&self, db: &PgPool) -> sqlx::Result<()> {
        db::ended_sessions::delete_old(&mut *db.acquire().await?, self.span()).await
    }
}

fn session_key(session: Uuid) -> String {
    format!("token:blacklist:sid:{session}")
}
