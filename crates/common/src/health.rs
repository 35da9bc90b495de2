//! Readiness: each dependency has a named check (`design.md` §2).

use crate::redis::Redis;
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use utoipa::ToSchema;

/// A check that takes longer counts as failed, so that the load balancer gets its answer in time.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// What the service needs in order to serve.
#[derive(Clone, Default)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
    /// Set when the service shuts down: the load balancer must send nothing new.
    draining: Arc<AtomicBool>,
}

/// What `/health/ready` answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `UP` if every dependency is, else `DOWN`.
    pub status: &'static str,
    /// Each dependency's state by name.
    pub checks: BTreeMap<&'static str, &'static str>,
}

impl Health {
    /// No dependency yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a dependency with its check.
    #[must_use]
    pub fn with<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// Adds the database.
    #[must_use]
    pub fn with_postgres(self, pool: &sqlx::PgPool) -> Self {
        let pool = pool.clone();
        self.with("postgresql", move || {
            let pool = pool.clone();
            async move { Ok(sqlx::query("SELECT 1").execute(&pool).await.map(|_| ())?) }
        })
    }

    /// Adds Redis.
    #[must_use]
    pub fn with_redis(self, redis: &Redis) -> Self {
        let redis = redis.clone();
        self.with("redis", move || {
            let mut redis = redis.clone();
            async move { Ok(::redis::cmd("PING").query_async::<()>(&mut redis).await?) }
        })
    }

    /// Makes the service not ready from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Runs every check at once.
    pub async fn readiness(&self) -> Readiness {
        let results = join_all(self.checks.iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            let up = matches!(result, Ok(Ok(())));
            if let Ok(Err(error)) = result {
                tracing::warn!(dependency.name = name, error.message = %error, "a readiness check failed");
            }
            (*name, if up { "UP" } else { "DOWN" })
        }))
        .await;
        let checks: BTreeMap<_, _> = results.into_iter().collect();
        let up = !self.draining.load(Ordering::Relaxed) && checks.values().all(|state| *state == "UP");
        let status = if up { "UP" } else { "DOWN" };
        Readiness { status, checks }
    }
}
