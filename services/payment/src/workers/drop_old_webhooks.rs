use common::lifecycle::Shutdown;
use std::time::Duration;

use super::Tools;
use crate::db;

const INTERVAL: Duration = Duration::from_secs(3600);
/// Few enough that nobody waits long for their locks.
const CHUNK: i64 = 1000;

/// Deletes webhooks that were received long ago.
pub(crate) async fn drop_old_webhooks(tools: Tools, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        match drop_chunk(&tools).await {
            Ok(deleted) if deleted > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(error.message = %error, "cannot delete old webhooks"),
        }
        shutdown.sleep(INTERVAL).await;
    }
}

async fn drop_chunk(tools: &Tools) -> Result<u64, sqlx::Error> {
    let mut connection = tools.db.acquire().await?;
    db::webhook_deliveries::delete_old(&mut connection, tools.webhooks.retention, CHUNK).await
}
