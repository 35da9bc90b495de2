//! Calls from one service to another (`design.md` §4): signed, traced, 2 s to connect and 3 s to answer, one retry of GETs,
//! one circuit breaker per called service. A reply that only says when to come back counts neither as a failure nor as a reason
//! to try again ([`is_failure`]); repetitions have a budget, so that they do not add to an outage. Calls go to all of its
//! [`replicas`](crate::replicas): one that takes no connection is passed over at once, which is no retry, because nothing was
//! sent.

mod exchange;
#[cfg(test)]
mod tests;

pub use self::exchange::is_failure;

use self::exchange::{Line, NoReply, Request};

use crate::{
    Clock,
    context::{self, RequestContext},
    internal_auth::{SigningKey, outgoing_headers},
    problem::{Code, Problem},
    traces,
};
use http::{Method, StatusCode};
use resilience::{
    breaker::{BreakerConfig, CircuitBreaker, Outcome},
    retry::{RetryBudget, RetryPolicy, retry},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// One more try, soon: the caller's own time-out is only 3 s.
const RETRY: RetryPolicy = RetryPolicy {
    max_retries: 1,
    base_delay: Duration::from_millis(100),
    max_delay: Duration::from_millis(100),
};

/// A client of one other service; cheap to clone.
#[derive(Clone)]
pub struct ServiceClient {
    name: &'static str,
    line: Arc<Line>,
    key: SigningKey,
    clock: Clock,
    breaker: CircuitBreaker,
    budget: RetryBudget,
}

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service answered with a problem below 500, which is about this call.
    #[error("{service} refused: {status} {}", code.as_deref().unwrap_or("without a code"))]
    Refused {
        /// The called service.
        service: &'static str,
        /// The status.
        status: StatusCode,
        /// The problem's `code`.
        code: Option<String>,
        /// The whole problem.
        body: Value,
    },
    /// The service could not be reached, took too long, failed, or its circuit is open. Whether the call took effect is
    /// unknown.
    #[error("{service} is not available: {reason}")]
    Unavailable {
        /// The called service.
        service: &'static str,
        /// What happened.
        reason: String,
    },
    /// The reply was not what the contract says.
    #[error("{service} sent an unexpected reply: {reason}")]
    BadReply {
        /// The called service.
        service: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// The code with which the service refused, if it did and the code is one of ours.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => code.as_deref().and_then(Code::parse),
            _ => None,
        }
    }
}

impl From<ClientError> for Problem {
    /// A call that was refused in a way the caller did not expect is our own fault, not the client's.
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Unavailable { service, reason } => Self::unavailable(service, reason),
            ClientError::Refused { .. } | ClientError::BadReply { .. } => Self::internal(&error),
        }
    }
}

/// A try without a result.
struct Failed {
    error: ClientError,
    /// The service did not work, which is more than that it could not do this now: it counts, and another try may go better.
    is_the_services: bool,
}

impl Failed {
    fn may_pass(&self) -> bool {
        self.is_the_services
    }
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        Self {
            error,
            is_the_services: false,
        }
    }
}

impl ServiceClient {
    /// A client of the service `name` at these addresses
    /// ([`ServiceAddresses`](crate::replicas::ServiceAddresses)), signing with `key`.
    ///
    /// # Errors
    /// When one is no address, or the HTTP client cannot be made.
    pub fn new(name: &'static str, addresses: &str, key: SigningKey, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            name,
            line: Arc::new(Line::new(name, addresses)?),
            key,
            clock,
            breaker: CircuitBreaker::new(name, BreakerConfig::default()),
            budget: RetryBudget::default(),
        })
    }

    /// GETs `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        // One try after the other, so nobody ever waits for it.
        let tried = Mutex::new(Vec::new());
        let got = retry(&RETRY, &self.budget, Failed::may_pass, || async {
            self.call(Method::GET, path, None, &mut *tried.lock().await).await
        });
        self.decode(got.await.map_err(|failed| failed.error)?)
    }

    /// POSTs `body` to `path`; a reply without content gives `()`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_value(body).map_err(|error| self.bad_reply(&error))?;
        let sent = self.call(Method::POST, path, Some(body), &mut Vec::new()).await;
        self.decode(sent.map_err(|failed| failed.error)?)
    }

    /// One try of a call, at a replica that no earlier one went to if there is such a one.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        tried: &mut Vec<SocketAddr>,
    ) -> Result<Value, Failed> {
        let permit = self
            .breaker
            .try_acquire()
            .map_err(|_| Failed::from(self.unavailable("its circuit is open")))?;
        let result = self.send(&method, path, body.as_ref(), tried).await;
        permit.record(match &result {
            Err(failed) if failed.is_the_services => Outcome::Failure,
            _ => Outcome::Success,
        });
        result
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        tried: &mut Vec<SocketAddr>,
    ) -> Result<Value, Failed> {
        let current = context::current();
        let context = RequestContext {
            trace: current.trace.child(),
            ..current
        };
        let headers = outgoing_headers(&self.key, &self.clock, method, path, None, &context);
        let request = Request {
            method,
            path,
            headers,
            body,
        };
        let began = Instant::now();
        let exchanged = self.line.exchange(&request, tried).await;
        traces::record(
            context.trace,
            traces::SpanKind::Client,
            began,
            began.elapsed(),
            |span| {
                let call = traces::ClientCall {
                    peer: self.name,
                    method,
                    target: traces::template(path),
                    status: exchanged.as_ref().ok().map(|reply| reply.status.as_u16()),
                    error: exchanged.as_ref().err().map(NoReply::kind),
                };
                call.describe(span);
            },
        );
        let reply = exchanged.map_err(|error| Failed {
            error: self.unavailable(&error.to_string()),
            is_the_services: true,
        })?;
        let status = reply.status;
        if status.is_server_error() {
            return Err(Failed {
                error: self.unavailable(&format!("status {status}")),
                is_the_services: reply.is_failure,
            });
        }
        let value = if reply.bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&reply.bytes).map_err(|error| self.bad_reply(&error))?
        };
        if status.is_success() {
            return Ok(value);
        }
        let code = value.get("code").and_then(Value::as_str).map(str::to_owned);
        Err(Failed::from(ClientError::Refused {
            service: self.name,
            status,
            code,
            body: value,
        }))
    }

    fn decode<T: DeserializeOwned>(&self, value: Value) -> Result<T, ClientError> {
        serde_json::from_value(value).map_err(|error| self.bad_reply(&error))
    }

    fn unavailable(&self, reason: &str) -> ClientError {
        ClientError::Unavailable {
            service: self.name,
            reason: reason.to_owned(),
        }
    }

    fn bad_reply(&self, error: &dyn std::fmt::Display) -> ClientError {
        ClientError::BadReply {
            service: self.name,
            reason: error.to_string(),
        }
    }
}
