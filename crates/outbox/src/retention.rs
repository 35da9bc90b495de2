//! Deleting what is old.

use std::time::Duration;

use common::lifecycle::Shutdown;
use sqlx::PgPool;
use tracing::{info, warn};

use crate::RetentionConfig;

/// Rows per statement: few enough that nobody waits long for their locks.
const CHUNK: u16 = 1000;

/// Ids are UUIDs of version 7, so the primary key leads to the oldest rows and no further index is needed. The bound is in
/// a subquery because only then is it computed once and looked up.
const OUTBOX: &str = r#"
    delete from common.outbox_events
    where id in (
        select id
        from common.outbox_events
        where id < (select uuidv7(make_interval(secs => -$1)))
            and published
            and published_at < clock_timestamp() - make_interval(secs => $1)
        order by id
        limit $2
        for update skip locked
    )
"#;

const INBOX: &str = r#"
    delete from processed_events
    where (event_id, consumer) in (
        select event_id, consumer
        from processed_events
        where event_id < (select uuidv7(make_interval(secs => -$1)))
            and processed_at < clock_timestamp() - make_interval(secs => $1)
        order by event_id, consumer
        limit $2
        for update skip locked
    )
"#;

/// Deletes old published rows of the outbox and old rows of the inbox of a service that has both. Every replica may run
/// it: they pass over the rows that another is deleting.
pub struct Retention {
    pool: PgPool,
    config: RetentionConfig,
}

impl Retention {
    /// For the login of `pool`.
    #[must_use]
    pub fn new(pool: PgPool, config: &RetentionConfig) -> Self {
        Self {
            pool,
            config: config.clone(),
        }
    }

    /// Looks now and then until the shutdown begins.
    pub async fn run(self, shutdown: Shutdown) {
        while !shutdown.is_cancelled() {
            for (table, statement, age) in [
                ("outbox", OUTBOX, self.config.outbox),
                ("inbox", INBOX, self.config.inbox),
            ] {
                match self.delete(statement, age, &shutdown).await {
                    Ok(0) => {}
                    Ok(rows) => info!(retention.table = table, retention.rows = rows, "deleted old rows"),
                    Err(error) => warn!(retention.table = table, error.message = %error, "cannot delete old rows"),
                }
            }
            shutdown.sleep(self.config.interval).await;
        }
    }

    async fn delete(&self, statement: &'static str, age: Duration, shutdown: &Shutdown) -> Result<u64, sqlx::Error> {
        let mut deleted = 0;
        while !shutdown.is_cancelled() {
            let rows = sqlx::query(statement)
                .bind(age.as_secs_f64())
                .bind(i64::from(CHUNK))
                .execute(&self.pool)
                .await?
                .rows_affected();
            deleted += rows;
            if rows < u64::from(CHUNK) {
                break;
            }
        }
        Ok(deleted)
    }
}
