use crate::state::AppState;
use common::{idempotency, lifecycle::Shutdown};

/// A full chunk of [`idempotency::purge`].
const CHUNK: u64 = 1000;

/// Deletes idempotency keys whose 24 hours are over. A key is judged by its age when it comes again, so nothing depends on
/// how soon this happens.
pub(crate) async fn purge_idempotency_keys(state: AppState, shutdown: Shutdown) {
    loop {
        match idempotency::purge(&state.worker_pool).await {
            Ok(rows) if rows >= CHUNK && !shutdown.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(error.message = %error, "cannot delete old idempotency keys"),
        }
        if shutdown.sleep(state.limits.idempotency_purge_interval).await {
            return;
        }
    }
}
