use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::{Layer, Service, ServiceExt};

use super::{RetryBudget, RetryPolicy};

/// Decides which requests may be repeated and which results ask for it.
///
/// A closure `Fn(&Request, &Result<Response, Error>) -> bool` is a rule that keeps a clone of every request. Where requests
/// cannot be cloned, or only some of them, implement the trait.
pub trait RetryRule<Request, Response, Error> {
    /// A copy to send if this request fails, or `None` if it must not be sent again.
    fn copy_of(&self, request: &Request) -> Option<Request>;

    /// Whether this result of the request is to be given up for another try. It is dropped then.
    fn asks_for_retry(&self, request: &Request, result: &Result<Response, Error>) -> bool;
}

impl<F, Request, Response, Error> RetryRule<Request, Response, Error> for F
where
    F: Fn(&Request, &Result<Response, Error>) -> bool,
    Request: Clone,
{
    fn copy_of(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }

    fn asks_for_retry(&self, request: &Request, result: &Result<Response, Error>) -> bool {
        self(request, result)
    }
}

/// Repeats failed calls. As soon as a result is handed on, nothing is repeated, so no byte of a reply was sent before.
#[derive(Clone, Debug)]
pub struct RetryLayer<R> {
    policy: RetryPolicy,
    budget: RetryBudget,
    rule: R,
}

impl<R> RetryLayer<R> {
    /// Retries as `policy` says what `rule` allows, while the budget lasts. The budget counts every call.
    pub fn new(policy: RetryPolicy, budget: RetryBudget, rule: R) -> Self {
        Self { policy, budget, rule }
    }
}

impl<S, R: Clone> Layer<S> for RetryLayer<R> {
    type Service = RetryService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService {
            inner,
            retry: self.clone(),
        }
    }
}

/// A service whose failed calls are repeated, made by [`RetryLayer`].
#[derive(Clone, Debug)]
pub struct RetryService<S, R> {
    inner: S,
    retry: RetryLayer<R>,
}

/// The call of a [`RetryService`].
pub type RetryFuture<Response, Error> = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

impl<S, R, Request> Service<Request> for RetryService<S, R>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: Send,
    S::Error: Send,
    S::Future: Send,
    R: RetryRule<Request, S::Response, S::Error> + Clone + Send + 'static,
    Request: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RetryFuture<S::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that was made ready must be the one that is called; its clone gets ready anew for the next call.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let retry = self.retry.clone();
        retry.budget.deposit();
        Box::pin(retry.run(ready, request))
    }
}

impl<R> RetryLayer<R> {
    async fn run<S, Request>(self, mut service: S, mut request: Request) -> Result<S::Response, S::Error>
    where
        S: Service<Request>,
        R: RetryRule<Request, S::Response, S::Error>,
    {
        let mut retries = 0;
        loop {
            // The last try needs no copy.
            let copy = if retries < self.policy.max_retries {
                self.rule.copy_of(&request)
            } else {
                None
            };
            let result = service.call(request).await;
            let Some(copy) = copy.filter(|copy| self.rule.asks_for_retry(copy, &result)) else {
                return result;
            };
            let Some(delay) = self.policy.pause(&self.budget, retries) else {
                return result;
            };
            // The failed reply lets go of its connection before the back-off.
            drop(result);
            tokio::time::sleep(delay).await;
            service.ready().await?;
            request = copy;
            retries += 1;
        }
    }
}
