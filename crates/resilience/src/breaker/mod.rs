//! A circuit breaker: it stops calling what keeps failing, and finds out carefully when that works again (design.md §4).
//!
//! *Closed*, every call passes, and the last [`BreakerConfig::window`] verdicts are remembered. Once at least
//! [`BreakerConfig::minimum_calls`] of them are there and [`BreakerConfig::failure_rate`] of them are failures, it goes *open*:
//! every call is refused with the time left of [`BreakerConfig::open_for`]. The first call (or look at the state) after that
//! finds it *half-open*: as many calls pass as [`BreakerConfig::half_open_probes`] says, the others are refused, and when the
//! probes have ended, the same rate decides between closed, with an empty memory, and open again.
//!
//! A verdict counts only in the period in which its call was admitted. A slow call from before the opening says nothing
//! about the recovery, so it is neither a probe nor part of a later window.

mod circuit;
mod config;
mod machine;
mod window;

pub use circuit::{CircuitBreaker, Permit};
pub use config::BreakerConfig;

use std::fmt;
use std::time::Duration;

/// What a call says about the health of what was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Success,
    /// It does not: connect error, time-out, 500, 502, 504 (design.md §4).
    Failure,
    /// Nothing can be told, for instance because the caller left; the call leaves no trace.
    Ignored,
}

/// What happens to calls at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// They pass.
    Closed,
    /// A few of them pass as probes.
    HalfOpen,
    /// They are refused.
    Open,
}

impl BreakerState {
    /// The name in logs and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// The value of the gauge `circuit_breaker_state`.
    const fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The refusal of a call that was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("circuit breaker is open, retry after {retry_after:?}")]
pub struct Open {
    /// When to come back: for `Retry-After`, rounded up to seconds there.
    pub retry_after: Duration,
}

/// Why a call through a breaker gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BreakerError<E> {
    /// It was not made.
    #[error("circuit breaker is open, retry after {retry_after:?}")]
    Open {
        /// When to come back: for `Retry-After`, rounded up to seconds there.
        retry_after: Duration,
    },
    /// It was made and failed.
    #[error(transparent)]
    Inner(E),
}

impl<E> From<Open> for BreakerError<E> {
    fn from(Open { retry_after }: Open) -> Self {
        Self::Open { retry_after }
    }
}
