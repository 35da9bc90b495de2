//! Committing, and waking the relay.

use std::sync::Arc;

use sqlx::{Postgres, Transaction};
use tokio::sync::Notify;

/// A handle on the process's relay; cheap to clone. Without it messages still leave, at the relay's next poll.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    wake: Arc<Notify>,
}

impl Outbox {
    /// Commits, then wakes the relay. It is woken after a failure too, because a COMMIT whose reply was lost may have
    /// happened.
    ///
    /// # Errors
    ///
    /// As the commit.
    pub async fn commit(&self, transaction: Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
        let result = transaction.commit().await;
        self.wake();
        result
    }

    /// Tells the relay to look for new rows. Many calls before it looks are one.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}
