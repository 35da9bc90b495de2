//! Forgetting what has changed.

use super::{generation::ListGeneration, shared::Shared};
use common::lifecycle::Shutdown;
use redis::RedisResult;
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

/// A Redis that crashes may have lost its last second: what was forgotten in it would be there again. So everything is
/// forgotten once more after that.
const ONCE_MORE: Duration = Duration::from_millis(1500);
/// How long an administrator waits for Redis.
const PATIENCE: Duration = Duration::from_millis(500);
/// How soon it is tried again to forget something that Redis did not forget.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Forgets changed objects in Redis, and keeps at it until Redis has done so.
///
/// | who dies where | then |
/// |---|---|
/// | we, between the commit of a change and this | the change's message is handled here or by another replica |
/// | Redis, before or within a second after | it is done when Redis is back |
/// | both | the object ends by its time to live |
pub(crate) struct Forgetting {
    shared: Arc<Shared>,
    lists: Arc<ListGeneration>,
    due: Mutex<Due>,
    wake: Notify,
}

/// What is to be forgotten once more, and when.
#[derive(Default)]
struct Due {
    keys: HashMap<String, Instant>,
    lists: Option<Instant>,
}

impl Forgetting {
    pub(crate) fn new(shared: &Arc<Shared>, lists: &Arc<ListGeneration>) -> Self {
        Self {
            shared: Arc::clone(shared),
            lists: Arc::clone(lists),
            due: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Forgets these objects and all lists, now and once more. When it fails the worker goes on trying.
    ///
    /// # Errors
    /// When Redis did not do it now.
    pub(crate) async fn forget(&self, keys: Vec<String>) -> RedisResult<()> {
        let now = timeout(PATIENCE, self.now(&keys, true)).await;
        let result = now.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        let at = Instant::now() + if result.is_ok() { ONCE_MORE } else { TRY_AGAIN };
        {
            let mut due = self.due();
            due.lists = Some(at);
            due.keys.extend(keys.into_iter().map(|key| (key, at)));
        }
        self.wake.notify_one();
        result
    }

    async fn now(&self, keys: &[String], lists: bool) -> RedisResult<()> {
        if !keys.is_empty() {
            self.shared.forget(keys).await?;
        }
        if lists {
            self.lists.renew().await?;
        }
        Ok(())
    }

    /// The worker that forgets once more, and what could not be forgotten at first.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) {
        loop {
            let wait = match self.next() {
                Some(at) => at.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait.min(Duration::from_secs(3600))) => {}
                () = self.wake.notified() => continue,
            }
            let (keys, lists) = self.take();
            if let Err(error) = self.now(&keys, lists).await {
                tracing::warn!(error.message = %error, "what changed is not forgotten in Redis yet; trying again");
                let at = Instant::now() + TRY_AGAIN;
                let mut due = self.due();
                due.keys.extend(keys.into_iter().map(|key| (key, at)));
                due.lists = if lists { Some(at) } else { due.lists };
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        let due = self.due();
        due.keys.values().copied().chain(due.lists).min()
    }

    /// What is due now.
    fn take(&self) -> (Vec<String>, bool) {
        let now = Instant::now();
        let mut due = self.due();
        let keys: Vec<String> = due
            .keys
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &keys {
            due.keys.remove(key);
        }
        let lists = due.lists.is_some_and(|at| at <= now);
        if lists {
            due.lists = None;
        }
        (keys, lists)
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
