//! One reading at a time of each event, shared by all who had asked for it before it began.
//!
//! Who asks while a reading is under way is told by the next one, never by that one: it may have looked before something
//! changed that the one who asks knows of. So a reply is always as new as if each had read for itself, and however many ask,
//! one reading of an event runs and one waits. Nothing is kept: an event that nobody asks for is not in memory.
//!
//! A reading runs in a task of its own. Who hangs up takes nothing from the others; when all for whom it runs have hung up it
//! is dropped, or one that hangs would keep the next one waiting for as long.

use common::problem::{ApiResult, Problem};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// The next reading of an event begins no sooner than this after the last one began. Else a crowd would keep the database
/// reading without a pause, each time for the few who came meanwhile.
const APART: Duration = Duration::from_millis(20);

/// Where it is read.
pub(crate) trait Source: Send + Sync + 'static {
    /// What a reading needs, such as a connection. Who asks while it is got takes part in the reading.
    type Ready: Send;
    type Found: Clone + Send + Sync + 'static;

    fn prepare(&self) -> impl Future<Output = ApiResult<Self::Ready>> + Send;

    fn read(&self, ready: Self::Ready, event_id: Uuid) -> impl Future<Output = ApiResult<Self::Found>> + Send;
}

/// The readings of all events.
pub(crate) struct Readings<S: Source>(Arc<Shared<S>>);

struct Shared<S: Source> {
    source: S,
    /// Who waits for the next reading, of each event that has a task.
    waiting: Mutex<HashMap<Uuid, Option<Waiting<S>>>>,
}

type Waiting<S> = watch::Sender<Option<ApiResult<<S as Source>::Found>>>;

impl<S: Source> Readings<S> {
    pub(crate) fn new(source: S) -> Self {
        Self(Arc::new(Shared {
            source,
            waiting: Mutex::default(),
        }))
    }

    /// What a reading finds that begins after this was called, or why it failed.
    pub(crate) async fn ask(&self, event_id: Uuid) -> ApiResult<S::Found> {
        let mut told = self.wait(event_id);
        let outcome = told.wait_for(Option::is_some).await.ok();
        outcome
            .and_then(|outcome| outcome.clone())
            .unwrap_or_else(|| Err(Problem::internal(&"a reading ended without an outcome")))
    }

    /// Takes part in the next reading, and sees to it that there will be one.
    fn wait(&self, event_id: Uuid) -> watch::Receiver<Option<ApiResult<S::Found>>> {
        let mut events = self.0.lock();
        let is_new = !events.contains_key(&event_id);
        let next = events.entry(event_id).or_default();
        let told = next.get_or_insert_with(|| watch::channel(None).0).subscribe();
        if is_new {
            let task = Task {
                shared: Arc::clone(&self.0),
                event_id,
                has_ended: false,
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "it ends with the requests that wait for it, and those are tracked"
            )]
            tokio::spawn(task.run());
        }
        told
    }
}

impl<S: Source> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Option<Waiting<S>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the readings of one event for as long as somebody wants one.
struct Task<S: Source> {
    shared: Arc<Shared<S>>,
    event_id: Uuid,
    /// Whether the event is no longer this task's.
    has_ended: bool,
}

impl<S: Source> Task<S> {
    async fn run(mut self) {
        while self.is_wanted() {
            let ready = self.shared.source.prepare().await;
            let began = Instant::now();
            // Whoever comes from here on is told by the next one.
            let Some(waiting) = self.take_waiting() else { continue };
            let read = async { self.shared.source.read(ready?, self.event_id).await };
            tokio::select! {
                biased;
                () = waiting.closed() => {}
                outcome = read => {
                    waiting.send_replace(Some(outcome));
                }
            }
            tokio::time::sleep_until(began + APART).await;
        }
    }

    /// Whether anybody waits. If not, the task ends, and whoever comes next begins another one.
    fn is_wanted(&mut self) -> bool {
        let mut events = self.shared.lock();
        let next = events.get(&self.event_id).and_then(Option::as_ref);
        let is_wanted = next.is_some_and(|waiting| !waiting.is_closed());
        if !is_wanted {
            events.remove(&self.event_id);
            self.has_ended = true;
        }
        is_wanted
    }

    fn take_waiting(&self) -> Option<Waiting<S>> {
        self.shared.lock().get_mut(&self.event_id).and_then(Option::take)
    }
}

impl<S: Source> Drop for Task<S> {
    /// Only a panic leaves the event behind: those who wait for it are told, and the next one begins anew.
    fn drop(&mut self) {
        if !self.has_ended {
            self.shared.lock().remove(&self.event_id);
        }
    }
}

#[cfg(test)]
mod tests;
