//! Time-out, retry and circuit breaker, each usable as a tower layer or by plain function call (design.md §4, §8.3).
//!
//! # How to stack them
//!
//! A call that is dropped before it ends leaves no verdict in the breaker, because usually the buyer went away. So whatever
//! limits the time must stand *inside* the breaker, or its time-outs are never counted:
//!
//! - **Gateway**, where retries share one time-out: breaker, then time-out, then retry, then the upstream. The breaker judges
//!   what the client would have seen. Let the retry rule refuse unless [`CircuitBreaker::state`] is `Closed`, so that a
//!   half-open probe stays one request.
//! - **Client with a time-out per try** (services to each other, PortOne): retry, then breaker, then time-out. The breaker
//!   judges every try. Let the retry rule refuse [`BreakerError::Open`], which no repetition within milliseconds can cure.
//!
//! [`CircuitBreaker::state`]: breaker::CircuitBreaker::state
//! [`BreakerError::Open`]: breaker::BreakerError::Open
//!
//! ```
//! use std::{convert::Infallible, time::Duration};
//! use resilience::breaker::{BreakerConfig, BreakerError, BreakerLayer, CircuitBreaker, Outcome};
//! use resilience::timeout::{TimeoutError, TimeoutLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BreakerError<TimeoutError<Infallible>>> {
//! let breaker = CircuitBreaker::new("event-service", BreakerConfig::default());
//! let upstream = service_fn(|seat: u32| async move { Ok::<_, Infallible>(seat + 1) });
//!
//! let service = TimeoutLayer::new(Duration::from_secs(30)).layer(upstream);
//! let service = BreakerLayer::new(breaker, |result: &Result<u32, _>| match result {
//!     Ok(_) => Outcome::Success,
//!     Err(_) => Outcome::Failure,
//! })
//! .layer(service);
//!
//! assert_eq!(service.oneshot(41).await?, 42);
//! # Ok(())
//! # }
//! ```

pub mod breaker;
pub mod retry;
pub mod timeout;
