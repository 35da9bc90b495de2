//! Retry and circuit breaker, by plain function call (design.md §4, §8.3).
//!
//! # How to stack them
//!
//! A call that is dropped before it ends leaves no verdict in the breaker, because usually the buyer went away. So whatever
//! limits the time must stand *inside* the breaker, or its time-outs are never counted:
//!
//! - **Gateway**, where retries share one time-out: breaker, then time-out, then retry, then the upstream. The breaker judges
//!   what the client would have seen. Nothing is repeated unless [`CircuitBreaker::state`] is `Closed`, so that a half-open
//!   probe stays one request.
//! - **Client with a time-out per try** (services to each other): retry, then breaker, then time-out. The breaker judges every
//!   try. What it refuses is not retryable: no repetition within milliseconds can cure it.
//!
//! [`CircuitBreaker::state`]: breaker::CircuitBreaker::state
//!
//! ```
//! use std::time::Duration;
//! use resilience::breaker::{BreakerConfig, BreakerError, CircuitBreaker, Outcome};
//! use resilience::retry::{RetryBudget, RetryPolicy, retry};
//! use tokio::time::{error::Elapsed, timeout};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BreakerError<Elapsed>> {
//! let breaker = CircuitBreaker::new("event-service", BreakerConfig::default());
//! let budget = RetryBudget::default();
//!
//! let is_retryable = |error: &BreakerError<Elapsed>| matches!(error, BreakerError::Inner(_));
//! let judge = |result: &Result<u32, Elapsed>| match result {
//!     Ok(_) => Outcome::Success,
//!     Err(_) => Outcome::Failure,
//! };
//! let seat = retry(&RetryPolicy::default(), &budget, is_retryable, || {
//!     breaker.call(judge, timeout(Duration::from_secs(3), async { 42 }))
//! })
//! .await?;
//!
//! assert_eq!(seat, 42);
//! # Ok(())
//! # }
//! ```

pub mod breaker;
pub mod retry;
