use common::lifecycle::Shutdown;
use tokio_util::task::TaskTracker;

/// Lets confirms whose buyer hung up come to their end before the service stops. Those whose buyer waits are waited for by
/// the server itself.
pub(crate) async fn finish_confirms(confirms: TaskTracker, shutdown: Shutdown) {
    shutdown.cancelled().await;
    confirms.close();
    confirms.wait().await;
}
