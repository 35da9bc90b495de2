//! The behaviour of breaker, retry and time-out as their users see it. Time is paused and passes only when told.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod breaker;
mod breaker_layer;
mod breaker_observed;
mod retry;
mod retry_budget;
mod retry_layer;
mod timeout;
