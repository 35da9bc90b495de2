use super::questions::Heard;
use redis::RedisError;
use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    time::Instant,
};

/// So many failures in a row are an outage; fewer are bad luck.
const FAILURES_OF_AN_OUTAGE: u32 = 3;
/// During an outage, one request in this time finds out whether it is over.
const PAUSE_BETWEEN_TRIES_MILLIS: u64 = 250;

/// Whether Redis answers. While it does not, hardly any request may spend time on asking, and an outage is logged when it
/// begins and when it ends, not per request.
///
/// A Redis that answers but does not count (it is full, cannot save, or has become a replica) is logged in the same way, and
/// asked on: it tells what is revoked.
///
/// One master of a cluster may be away alone. Then every request asks, because most of what it needs may be with the others;
/// the client waits for a silent master only briefly, and logs who is silent.
pub(crate) struct Outage {
    of_a_cluster: bool,
    /// Questions without an answer since the last one with.
    failures: AtomicU32,
    /// Whether Redis refused to count when it last should.
    refuses: AtomicBool,
    /// When the next question may be asked, in milliseconds since `started`.
    next_try: AtomicU64,
    started: Instant,
}

impl Outage {
    /// None yet.
    pub(crate) fn none(of_a_cluster: bool) -> Self {
        Self {
            of_a_cluster,
            failures: AtomicU32::new(0),
            refuses: AtomicBool::new(false),
            next_try: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// Whether the last question had no answer.
    pub(super) fn is_known(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    /// Whether this request may ask: always, until several have failed in a row; then one in a while, to find the end.
    pub(super) fn may_ask(&self) -> bool {
        if self.of_a_cluster || self.failures.load(Ordering::Relaxed) < FAILURES_OF_AN_OUTAGE {
            return true;
        }
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = self.next_try.load(Ordering::Relaxed);
        let after = now + PAUSE_BETWEEN_TRIES_MILLIS;
        now >= next
            && self
                .next_try
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// What was heard when Redis was asked.
    pub(super) fn note(&self, heard: &Heard) {
        // Of a cluster a part may be away.
        self.note_answer(heard.away.as_ref().filter(|_| self.of_a_cluster || !heard.any));
        match &heard.refused {
            Some(error) => self.note_refusal(error),
            None if heard.counted && self.refuses.load(Ordering::Relaxed) => self.note_count(),
            None => {}
        }
    }

    fn note_answer(&self, missing: Option<&RedisError>) {
        match missing {
            None => {
                if self.failures.load(Ordering::Relaxed) > 0 && self.failures.swap(0, Ordering::Relaxed) > 0 {
                    self.show();
                    if !self.of_a_cluster {
                        tracing::info!(dependency.name = "redis", "Redis answers again");
                    }
                }
            }
            Some(error) => {
                if self.failures.fetch_add(1, Ordering::Relaxed) == 0 {
                    self.show();
                    if !self.of_a_cluster {
                        tracing::warn!(
                            dependency.name = "redis",
                            error.message = %error,
                            "Redis does not answer: limits are counted in this process, revoked tokens are not known"
                        );
                    }
                }
            }
        }
    }

    fn note_refusal(&self, error: &RedisError) {
        if !self.refuses.swap(true, Ordering::Relaxed) {
            self.show();
            if !self.of_a_cluster {
                tracing::warn!(
                    dependency.name = "redis",
                    error.message = %error,
                    "Redis does not count: limits are counted in this process, revoked tokens are known"
                );
            }
        }
    }

    fn note_count(&self) {
        if self.refuses.swap(false, Ordering::Relaxed) {
            self.show();
            if !self.of_a_cluster {
                tracing::info!(dependency.name = "redis", "Redis counts again");
            }
        }
    }

    fn show(&self) {
        let is_up = !self.is_known() && !self.refuses.load(Ordering::Relaxed);
        metrics::gauge!("gateway_redis_up").set(if is_up { 1.0 } else { 0.0 });
    }
}
