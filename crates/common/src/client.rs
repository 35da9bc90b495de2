//! Calls from one service to another (`design.md` §4): signed, traced, 2 s to connect and 3 s to answer, one retry of GETs,
//! one circuit breaker per called service.

use crate::{
    Clock,
    context::{self, RequestContext},
    internal_auth::{SigningKey, outgoing_headers},
    lifecycle::install_tls_provider,
    problem::{Code, Problem},
};
use http::{Method, StatusCode};
use resilience::{
    breaker::{BreakerConfig, CircuitBreaker, Outcome},
    retry::RetryPolicy,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// One more try, soon: the caller's own time-out is only 3 s.
const RETRY: RetryPolicy = RetryPolicy {
    max_retries: 1,
    base_delay: Duration::from_millis(50),
    max_delay: Duration::from_millis(200),
};

/// A client of one other service; cheap to clone.
#[derive(Clone)]
pub struct ServiceClient {
    name: &'static str,
    base_url: String,
    http: reqwest::Client,
    key: SigningKey,
    clock: Clock,
    breaker: CircuitBreaker,
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

impl ServiceClient {
    /// A client of the service `name` at `base_url`, signing with `key`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(name: &'static str, base_url: &str, key: SigningKey, clock: Clock) -> anyhow::Result<Self> {
        install_tls_provider();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            name,
            base_url: base_url.trim_end_matches('/').to_owned(),
            http,
            key,
            clock,
            breaker: CircuitBreaker::new(name, BreakerConfig::default()),
        })
    }

    /// GETs `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        match self.call(Method::GET, path, None).await {
            Err(ClientError::Unavailable { .. }) => {
                tokio::time::sleep(RETRY.delay(1)).await;
                self.decode(self.call(Method::GET, path, None).await?)
            }
            result => self.decode(result?),
        }
    }

    /// POSTs `body` to `path`; a reply without content gives `()`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_value(body).map_err(|error| self.bad_reply(&error))?;
        self.decode(self.call(Method::POST, path, Some(body)).await?)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        let permit = self
            .breaker
            .try_acquire()
            .map_err(|_| self.unavailable("its circuit is open"))?;
        let result = self.send(method, path, body).await;
        permit.record(if matches!(result, Err(ClientError::Unavailable { .. })) {
            Outcome::Failure
        } else {
            Outcome::Success
        });
        result
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        let current = context::current();
        let context = RequestContext {
            trace: current.trace.child(),
            ..current
        };
        let headers = outgoing_headers(&self.key, &self.clock, &method, path, None, &context);
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .headers(headers);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unavailable(&describe(&error)))?;
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.unavailable(&describe(&error)))?;
        if status.is_server_error() {
            return Err(self.unavailable(&format!("status {status}")));
        }
        let value = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|error| self.bad_reply(&error))?
        };
        if status.is_success() {
            Ok(value)
        } else {
            let code = value.get("code").and_then(Value::as_str).map(str::to_owned);
            Err(ClientError::Refused {
                service: self.name,
                status,
                code,
                body: value,
            })
        }
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

/// reqwest's own text names only the address; the cause is what helps.
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
