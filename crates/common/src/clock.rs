use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// The service's clock. Only for tokens, signatures and replies that show the time: the flows of `design.md` §8 take
/// theirs from the database or from Redis, so that replicas with different clocks agree.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_millis: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that [`Clock::advance`] can move, for tests.
    #[must_use]
    pub fn adjustable() -> Self {
        Self {
            offset_millis: Some(Arc::default()),
        }
    }

    /// Now, in UTC.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the machine's clock"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.offset_millis {
            None => Utc::now(),
            Some(offset) => Utc::now() + TimeDelta::milliseconds(offset.load(Ordering::Relaxed)),
        }
    }

    /// Moves an adjustable clock forward; the system clock is left as it is.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(offset) = &self.offset_millis {
            offset.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
        }
    }
}
