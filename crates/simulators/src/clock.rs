use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Where the simulators take the time from: the machine, or a test that wants to age a token.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where the simulators' clock comes from"
        )]
        Self(Arc::new(Utc::now))
    }

    /// A clock that asks `read` each time.
    #[must_use]
    pub fn from_fn(read: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}
