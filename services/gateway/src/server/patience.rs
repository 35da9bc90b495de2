use futures_util::ready;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// So many parts of the idle time pass before an idle connection is cut. More of them cut it more exactly and wake it more often.
const PARTS: u32 = 4;

/// How long a connection's next head is waited for. A request that follows another costs no timer and no look at the clock:
/// while a connection is used, the timer only counts parts of the idle time.
#[derive(Debug)]
pub(super) struct Patience {
    head_limit: Duration,
    idle_part: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    runs: Runs,
    /// Parts of the idle time that have begun since the last request.
    parts: u32,
    has_spoken: bool,
}

/// What the timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    /// Nothing yet.
    Not,
    /// A head, counted from its first byte; that of a new connection from the beginning, so that one which never says anything
    /// is cut soon.
    Head,
    /// The next request of a connection that has proved itself.
    Idle,
    /// The end of the gateway.
    Last,
}

impl Patience {
    pub(super) fn new(head_limit: Duration, idle_limit: Duration) -> Self {
        Self {
            head_limit,
            idle_part: idle_limit / PARTS,
            timer: None,
            runs: Runs::Not,
            parts: 0,
            has_spoken: false,
        }
    }

    /// Whether there was ever a request.
    pub(super) fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// There was a request.
    pub(super) fn spoke(&mut self) {
        self.has_spoken = true;
        self.parts = 0;
        if self.runs == Runs::Head {
            self.runs = Runs::Not;
        }
    }

    /// The gateway ends: a last time to wait, whatever comes.
    pub(super) fn end_in(&mut self, time: Duration) {
        self.run(Runs::Last, time);
    }

    /// Whether it ends.
    pub(super) fn is_last(&self) -> bool {
        self.runs == Runs::Last
    }

    fn run(&mut self, runs: Runs, time: Duration) {
        self.runs = runs;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(Instant::now() + time),
            None => self.timer = Some(Box::pin(tokio::time::sleep(time))),
        }
    }

    /// Ready when the client has waited too long: an error if that was in the middle of a head.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, has_begun: bool) -> Poll<io::Result<()>> {
        let wanted = if has_begun || !self.has_spoken {
            Runs::Head
        } else {
            Runs::Idle
        };
        if self.runs != wanted && self.runs != Runs::Last {
            self.run(
                wanted,
                if wanted == Runs::Head {
                    self.head_limit
                } else {
                    self.idle_part
                },
            );
        }
        while let Some(timer) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
            self.parts += 1;
            match self.runs {
                Runs::Head => {
                    let slow = io::Error::new(io::ErrorKind::TimedOut, "the head took too long");
                    return Poll::Ready(Err(slow));
                }
                // The first of them had begun before the last request.
                Runs::Idle if self.parts <= PARTS => self.run(Runs::Idle, self.idle_part),
                Runs::Idle | Runs::Last | Runs::Not => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// One part of the idle time.
    const PART: Duration = Duration::from_millis(100);

    fn patience(head_limit: Duration) -> Patience {
        Patience::new(head_limit, PARTS * PART)
    }

    async fn ends_after(patience: &mut Patience, has_begun: bool) -> (Duration, bool) {
        let began = Instant::now();
        let ended = poll_fn(|cx| patience.poll(cx, has_begun)).await;
        (began.elapsed(), ended.is_ok())
    }

    #[tokio::test]
    async fn a_head_has_its_limit_and_so_has_a_new_connection() {
        for has_begun in [false, true] {
            let (time, good) = ends_after(&mut patience(PART), has_begun).await;
            assert!(time >= PART && !good, "{time:?}");
        }
    }

    #[tokio::test]
    async fn a_request_begins_the_idle_time_anew() {
        let mut patience = patience(Duration::from_secs(60));
        for _ in 0..3 {
            patience.spoke();
            let waited = tokio::time::timeout(2 * PART, ends_after(&mut patience, false)).await;
            assert!(waited.is_err());
        }
        // A head that comes in pieces has its own limit, and the idle time comes back after it.
        assert!(
            tokio::time::timeout(PART, ends_after(&mut patience, true))
                .await
                .is_err()
        );
        patience.spoke();
        let (time, good) = ends_after(&mut patience, false).await;
        assert!(time >= PARTS * PART && good, "{time:?}");
    }

    #[tokio::test]
    async fn the_gateways_end_counts_before_all_else() {
        let mut patience = patience(Duration::from_secs(60));
        patience.spoke();
        patience.end_in(PART);
        let (time, good) = ends_after(&mut patience, true).await;
        assert!(time >= PART && good && patience.is_last(), "{time:?}");
    }
}
