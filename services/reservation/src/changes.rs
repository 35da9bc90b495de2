//! Tells requests that wait for a reservation that it changed, within this process. Changes that another replica makes are
//! found by looking again; this only makes the usual case quick.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use uuid::Uuid;

/// Who waits for what; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    waiting: Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>,
}

/// One who waits; forgotten when dropped.
pub(crate) struct Watch {
    changes: Changes,
    reservation_id: Uuid,
    receiver: watch::Receiver<()>,
}

impl Changes {
    /// Begins to listen. Changes from now on are seen, so the caller reads the reservation after this.
    pub(crate) fn watch(&self, reservation_id: Uuid) -> Watch {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = waiting
            .entry(reservation_id)
            .or_insert_with(|| watch::channel(()).0)
            .subscribe();
        Watch {
            changes: self.clone(),
            reservation_id,
            receiver,
        }
    }

    /// Wakes whoever listens. Called after the change has committed.
    pub(crate) fn announce(&self, reservation_id: Uuid) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.get(&reservation_id) {
            sender.send_replace(());
        }
    }
}

impl Watch {
    /// Resolves at the next change.
    pub(crate) async fn changed(&mut self) {
        // The sender lives as long as somebody listens, so this cannot fail.
        let _sender_gone = self.receiver.changed().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut waiting = self.changes.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Our own receiver is still counted.
        if waiting
            .get(&self.reservation_id)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            waiting.remove(&self.reservation_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_change_between_listening_and_waiting_is_not_missed() {
        let changes = Changes::default();
        let mut watch = changes.watch(Uuid::nil());
        changes.announce(Uuid::nil());
        tokio::time::timeout(Duration::from_secs(1), watch.changed())
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn who_stops_waiting_is_forgotten() {
        let changes = Changes::default();
        let (first, second) = (changes.watch(Uuid::nil()), changes.watch(Uuid::nil()));
        drop(first);
        assert_eq!(changes.waiting.lock().unwrap().len(), 1);
        drop(second);
        assert!(changes.waiting.lock().unwrap().is_empty());
    }
}
