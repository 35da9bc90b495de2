//! A partition's queue, between the loop that receives and the worker that handles.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use common::lifecycle::Shutdown;
use rdkafka::message::OwnedMessage;
use tokio::sync::mpsc;

use super::client::{Event, Watcher};

/// A longer queue pauses the partition.
const HIGH: usize = 256;
/// A queue that has become this short resumes it.
const LOW: usize = 64;

/// The receiving loop's end. Dropping it stops the worker after the message in hand.
pub(super) struct Partition {
    queue: mpsc::UnboundedSender<OwnedMessage>,
    /// Messages handed over and not yet handled.
    waiting: Arc<AtomicUsize>,
    paused: bool,
    stop: Shutdown,
}

/// The worker's end.
pub(super) struct Queue {
    number: i32,
    queue: mpsc::UnboundedReceiver<OwnedMessage>,
    waiting: Arc<AtomicUsize>,
    stop: Shutdown,
    watcher: Watcher,
}

impl Partition {
    pub(super) fn new(number: i32, watcher: Watcher) -> (Self, Queue) {
        let (sender, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let stop = Shutdown::new();
        let partition = Self {
            queue: sender,
            waiting: Arc::clone(&waiting),
            paused: false,
            stop: stop.clone(),
        };
        (
            partition,
            Queue {
                number,
                queue,
                waiting,
                stop,
                watcher,
            },
        )
    }

    /// Adds a message; tells whether the partition must be paused now.
    pub(super) fn push(&mut self, message: OwnedMessage) -> bool {
        let waiting = self.waiting.fetch_add(1, Ordering::AcqRel) + 1;
        // A worker that failed has not stored this offset, and all begin anew at the stored ones.
        let _failed = self.queue.send(message);
        let pause = waiting > HIGH && !self.paused;
        self.paused |= pause;
        pause
    }

    /// Tells whether it was paused, which it is no longer.
    pub(super) fn resume(&mut self) -> bool {
        std::mem::take(&mut self.paused)
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Queue {
    /// The next message, or nothing once the partition was dropped.
    pub(super) async fn next(&mut self) -> Option<OwnedMessage> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            message = self.queue.recv() => message,
        }
    }

    /// Tells when to give up waiting for something to come back.
    pub(super) fn stopped(&self) -> &Shutdown {
        &self.stop
    }

    /// The message in hand is handled.
    pub(super) fn done(&self) {
        // Also when it was never paused: the loop knows.
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == LOW + 1 {
            self.watcher.tell(Event::Drained(self.number));
        }
    }
}
