//! Waiting longer each time.

use std::time::Duration;

use common::lifecycle::Shutdown;

/// Doubles from `first` to `max`, each time shortened at random by up to a half, so that many who failed together do not
/// come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            next: first,
        }
    }

    /// Waits, or less if the shutdown begins.
    pub(crate) async fn wait(&mut self, shutdown: &Shutdown) {
        let wait = self.next.mul_f64(rand::random_range(0.5..=1.0));
        self.next = (self.next * 2).min(self.max);
        shutdown.sleep(wait).await;
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}
