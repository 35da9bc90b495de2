//! The behaviour of breaker and retry as their users see it. Time is paused and passes only when told.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod breaker;
mod breaker_observed;
mod retry;
mod retry_budget;
