//! Who watches which line (`GET /queue/stream`). One read of an event's line per tick and replica serves everybody who
//! watches it, however many they are.

use crate::waiting_line::Snapshot;
use common::lifecycle::Shutdown;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use uuid::Uuid;

/// A browser's tabs, and one connection that is dead and does not know it. Opening more ends the oldest, which is told why.
const STREAMS_PER_USER: usize = 4;

/// The newest snapshot of a line; none before the first tick.
pub(crate) type Latest = watch::Receiver<Option<Arc<Snapshot>>>;

/// The open streams of this replica.
pub(crate) struct Streams {
    lines: Mutex<HashMap<Uuid, watch::Sender<Option<Arc<Snapshot>>>>>,
    users: Mutex<HashMap<Uuid, VecDeque<(Uuid, Shutdown)>>>,
    closing: Shutdown,
}

impl Streams {
    /// Streams that end when `closing` does.
    pub(crate) fn new(closing: Shutdown) -> Self {
        Self {
            lines: Mutex::default(),
            users: Mutex::default(),
            closing,
        }
    }

    /// Resolves when the service takes no more requests.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Begins to watch a line.
    pub(crate) fn watch(&self, event: Uuid) -> Latest {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.entry(event).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    /// The lines that somebody watches; the others are forgotten.
    pub(crate) fn watched(&self) -> Vec<Uuid> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|_, line| line.receiver_count() > 0);
        lines.keys().copied().collect()
    }

    /// Shows a line to who watches it.
    pub(crate) fn show(&self, event: Uuid, snapshot: Snapshot) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&event) {
            line.send_replace(Some(Arc::new(snapshot)));
        }
    }

    /// Notes a stream of the user. What is returned ends it when it is cancelled.
    pub(crate) fn open(self: &Arc<Self>, user: Uuid) -> OpenStream {
        let (id, ended) = (Uuid::now_v7(), Shutdown::new());
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = users.entry(user).or_default();
        streams.push_back((id, ended.clone()));
        if streams.len() > STREAMS_PER_USER
            && let Some((_, oldest)) = streams.pop_front()
        {
            oldest.cancel();
        }
        metrics::gauge!("queue_streams_open").increment(1.0);
        OpenStream {
            streams: Arc::clone(self),
            user,
            id,
            replaced: ended,
        }
    }
}

/// One open stream; forgotten when dropped.
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    user: Uuid,
    id: Uuid,
    replaced: Shutdown,
}

impl OpenStream {
    /// Resolves when the same user has opened too many newer ones.
    pub(crate) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!("queue_streams_open").decrement(1.0);
        let mut users = self.streams.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(streams) = users.get_mut(&self.user) {
            streams.retain(|(id, _)| *id != self.id);
            if streams.is_empty() {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stream_too_many_ends_the_oldest_and_ended_ones_do_not_count() {
        let streams = Arc::new(Streams::new(Shutdown::new()));
        let user = Uuid::now_v7();
        let mut open: Vec<OpenStream> = (0..STREAMS_PER_USER).map(|_| streams.open(user)).collect();
        drop(open.pop());
        let _another = streams.open(user);
        assert!(open.iter().all(|stream| !stream.replaced.is_cancelled()));
        let _one_too_many = streams.open(user);
        assert!(open[0].replaced.is_cancelled() && !open[1].replaced.is_cancelled());
        assert!(!streams.open(Uuid::now_v7()).replaced.is_cancelled());
    }

    #[test]
    fn a_line_is_read_only_while_somebody_watches_it() {
        let streams = Streams::new(Shutdown::new());
        let event = Uuid::now_v7();
        let watching = streams.watch(event);
        assert_eq!(streams.watched(), [event]);
        drop(watching);
        assert_eq!(streams.watched(), Vec::<Uuid>::new());
    }
}
