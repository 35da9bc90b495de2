use crate::{
    db,
    domain::{Limits, Settings},
    per_event_cache::{MaxAge, Miss, PerEventCache},
};
use common::problem::{Code, Problem};
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

/// Settings of this age still hold while the database is away: a line goes on as it was.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// How each event's line moves, as administrators set it.
pub(crate) struct EventSettings {
    pool: PgPool,
    limits: Limits,
    cache: PerEventCache<Settings>,
    age: MaxAge,
}

impl EventSettings {
    pub(crate) fn new(pool: PgPool, limits: Limits, ttl: Duration) -> Self {
        Self {
            pool,
            limits,
            cache: PerEventCache::new(),
            age: MaxAge {
                fresh: ttl,
                stale: STALE.max(ttl),
            },
        }
    }

    /// An event's settings.
    ///
    /// # Errors
    /// When the database is away and nothing is known: the line may be paused, so nobody is admitted.
    pub(crate) async fn of(&self, event: Uuid) -> Result<Settings, Problem> {
        let known = self
            .cache
            .get(event, self.age, async || {
                let row = db::event_settings::find(&self.pool, event).await?;
                Ok(Settings::new(
                    &self.limits,
                    row.admission_per_second,
                    row.max_active,
                    row.paused,
                ))
            })
            .await;
        known.map_err(|miss: Miss<sqlx::Error>| match miss {
            Miss::Failed(error) => error.into(),
            Miss::Unanswered => Problem::new(Code::ServiceUnavailable),
        })
    }

    /// An event's settings, or a paused line with the default rate where they cannot be known.
    pub(crate) async fn of_or_paused(&self, event: Uuid) -> Settings {
        let settings = self.of(event).await;
        settings.unwrap_or_else(|_| Settings {
            paused: true,
            ..self.limits.default_settings()
        })
    }

    /// They have changed.
    pub(crate) fn forget(&self, event: Uuid) {
        self.cache.forget(event);
    }
}
