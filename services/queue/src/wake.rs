use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;
use uuid::Uuid;

/// Wakes the admission loop for single events: a place was freed, seats came back, somebody stands at the front. Lossy by
/// design: what is forgotten here waits for the next tick.
#[derive(Default)]
pub(crate) struct Waker {
    events: Mutex<HashSet<Uuid>>,
    notify: Notify,
}

impl Waker {
    /// Wants a tick for `event` now.
    pub(crate) fn wake(&self, event: Uuid) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).insert(event);
        self.notify.notify_one();
    }

    /// Waits for wishes.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }

    /// The events wished for since the last time.
    pub(crate) fn take(&self) -> Vec<Uuid> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .collect()
    }
}
