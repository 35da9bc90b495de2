use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{BreakerError, CircuitBreaker, Open, Outcome, Permit};

/// Puts services behind a [`CircuitBreaker`], all of them behind the same one.
#[derive(Clone, Debug)]
pub struct BreakerLayer<C> {
    breaker: CircuitBreaker,
    classify: C,
}

impl<C> BreakerLayer<C> {
    /// `classify` is a `Fn(&Result<Response, Error>) -> Outcome` and says what a result means for the breaker. It sees the
    /// reply's head; what happens to a streamed body later does not count.
    pub fn new(breaker: CircuitBreaker, classify: C) -> Self {
        Self { breaker, classify }
    }
}

impl<S, C: Clone> Layer<S> for BreakerLayer<C> {
    type Service = BreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService {
            inner,
            breaker: self.breaker.clone(),
            classify: self.classify.clone(),
        }
    }
}

/// A service behind a breaker, made by [`BreakerLayer`].
#[derive(Clone, Debug)]
pub struct BreakerService<S, C> {
    inner: S,
    breaker: CircuitBreaker,
    classify: C,
}

impl<S, C, Request> Service<Request> for BreakerService<S, C>
where
    S: Service<Request>,
    C: Fn(&Result<S::Response, S::Error>) -> Outcome + Clone,
{
    type Response = S::Response;
    type Error = BreakerError<S::Error>;
    type Future = BreakerFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(BreakerError::Inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let state = match self.breaker.try_acquire() {
            Ok(permit) => FutureState::Admitted {
                call: self.inner.call(request),
                permit: Some(permit),
                classify: self.classify.clone(),
            },
            Err(open) => FutureState::Refused { open },
        };
        BreakerFuture { state }
    }
}

pin_project! {
    /// The call of a [`BreakerService`].
    pub struct BreakerFuture<F, C> {
        #[pin]
        state: FutureState<F, C>,
    }
}

pin_project! {
    #[project = FutureStateProjection]
    enum FutureState<F, C> {
        Admitted {
            #[pin]
            call: F,
            permit: Option<Permit>,
            classify: C,
        },
        Refused {
            open: Open,
        },
    }
}

impl<F, C, Response, Error> Future for BreakerFuture<F, C>
where
    F: Future<Output = Result<Response, Error>>,
    C: Fn(&F::Output) -> Outcome,
{
    type Output = Result<Response, BreakerError<Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            FutureStateProjection::Admitted { call, permit, classify } => {
                let result = ready!(call.poll(context));
                if let Some(permit) = permit.take() {
                    permit.record(classify(&result));
                }
                Poll::Ready(result.map_err(BreakerError::Inner))
            }
            FutureStateProjection::Refused { open } => Poll::Ready(Err((*open).into())),
        }
    }
}
