use common::problem::{ApiResult, Code, Problem};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How soon a refused client should come again.
const RETRY: Duration = Duration::from_secs(1);

/// The loads that may ask the database at once; so it is not overrun while Redis is away, or by searches that nobody made
/// before, and connections are left for what is not cached.
#[derive(Clone)]
pub(crate) struct LoadLimit {
    permits: Arc<Semaphore>,
    patience: Duration,
}

impl LoadLimit {
    pub(crate) fn new(loads: usize, patience: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(loads)),
            patience,
        }
    }

    /// Waits for a turn. 503 `SERVICE_UNAVAILABLE` if it does not come soon.
    pub(crate) async fn turn(&self) -> ApiResult<SemaphorePermit<'_>> {
        match timeout(self.patience, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                metrics::counter!("cache_loads_refused_total").increment(1);
                Err(busy())
            }
        }
    }
}

/// What is answered when an object cannot be found out now.
pub(crate) fn busy() -> Problem {
    Problem::new(Code::ServiceUnavailable).retry_after(RETRY)
}
