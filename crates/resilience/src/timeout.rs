//! A limit on the time a call may take until its reply begins (design.md §4).

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Timeout, timeout};
use tower::{Layer, Service};

/// Why a call under a time limit gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeoutError<E> {
    /// It took too long and was dropped; whether it had an effect is unknown.
    #[error("no answer within {after:?}")]
    Elapsed {
        /// The limit.
        after: Duration,
    },
    /// It failed in time.
    #[error(transparent)]
    Inner(E),
}

/// Limits the time of each call, from the call (not from the wait for readiness) to the reply's head.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutLayer {
    after: Duration,
}

impl TimeoutLayer {
    /// Drops calls that take longer than `after`.
    pub const fn new(after: Duration) -> Self {
        Self { after }
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = TimeoutService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService {
            inner,
            after: self.after,
        }
    }
}

/// A service under a time limit, made by [`TimeoutLayer`].
#[derive(Clone, Copy, Debug)]
pub struct TimeoutService<S> {
    inner: S,
    after: Duration,
}

impl<S, Request> Service<Request> for TimeoutService<S>
where
    S: Service<Request>,
{
    type Response = S::Response;
    type Error = TimeoutError<S::Error>;
    type Future = TimeoutFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(TimeoutError::Inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        TimeoutFuture {
            call: timeout(self.after, self.inner.call(request)),
            after: self.after,
        }
    }
}

pin_project! {
    /// The call of a [`TimeoutService`].
    #[derive(Debug)]
    pub struct TimeoutFuture<F> {
        #[pin]
        call: Timeout<F>,
        after: Duration,
    }
}

impl<F, Response, Error> Future for TimeoutFuture<F>
where
    F: Future<Output = Result<Response, Error>>,
{
    type Output = Result<Response, TimeoutError<Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.call.poll(context)) {
            Ok(result) => result.map_err(TimeoutError::Inner),
            Err(_) => Err(TimeoutError::Elapsed { after: *this.after }),
        })
    }
}
