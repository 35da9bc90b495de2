use std::time::Duration;

use rand::{Rng, RngExt};

use super::RetryBudget;

/// How often and at what distance one call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries besides the first; 0 means none.
    pub max_retries: u32,
    /// The longest wait before the first retry; it doubles with each.
    pub base_delay: Duration,
    /// The longest wait before any retry.
    pub max_delay: Duration,
}

/// The gateway's: at most two retries, soon enough for somebody who waits (design.md §4).
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            base_delay: Duration::from_millis(50),
            max_delay: Duration::from_millis(500),
        }
    }
}

impl RetryPolicy {
    /// The wait before another try after so many retries; `None` if there must be none, by this policy or the budget. Whoever
    /// asks pays for it.
    pub fn pause(&self, budget: &RetryBudget, retries: u32) -> Option<Duration> {
        if retries >= self.max_retries {
            return None;
        }
        if !budget.withdraw() {
            tracing::debug!("Retry budget is exhausted, the failure stands");
            return None;
        }
        Some(self.delay(retries))
    }

    /// The wait before a retry, counted from 0: evenly drawn between nothing and the doubling limit.
    pub fn delay(&self, attempt: u32) -> Duration {
        self.delay_from(attempt, &mut rand::rng())
    }

    /// [`delay`](Self::delay) with the caller's randomness, for what must be repeatable.
    pub fn delay_from<R: Rng + ?Sized>(&self, attempt: u32, random: &mut R) -> Duration {
        random.random_range(Duration::ZERO..=self.longest_delay(attempt))
    }

    fn longest_delay(&self, attempt: u32) -> Duration {
        self.base_delay
            .saturating_mul(2_u32.saturating_pow(attempt))
            .min(self.max_delay)
    }
}
