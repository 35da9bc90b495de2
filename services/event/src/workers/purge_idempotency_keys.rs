use common::{idempotency, lifecycle::Shutdown};
use sqlx::PgPool;
use std::time::Duration;

/// Deletes idempotency keys whose 24 hours are over. Every replica may run it; a key is looked at by its age when it comes
/// again, so nothing depends on how soon this happens.
pub(crate) async fn purge_idempotency_keys(pool: PgPool, interval: Duration, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        match idempotency::purge(&pool).await {
            // A full chunk: there may be more.
            Ok(1000..) => continue,
            Ok(0) => {}
            Ok(rows) => tracing::info!(
                retention.table = "idempotency_keys",
                retention.rows = rows,
                "deleted old rows"
            ),
            Err(error) => tracing::warn!(error.message = %error, "cannot delete old idempotency keys"),
        }
        shutdown.sleep(interval).await;
    }
}
