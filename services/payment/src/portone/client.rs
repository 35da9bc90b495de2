use common::{
    config::{ConfigError, Env},
    context,
    lifecycle::install_tls_provider,
    traces::{self, ClientCall, SpanKind},
};
use http::{HeaderValue, Method, header};
use reqwest::RequestBuilder;
use resilience::breaker::{BreakerConfig, BreakerError, BreakerState, CircuitBreaker, Outcome};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use std::time::{Duration, Instant};

use super::{IdempotencyKey, PortoneError, Refusal, error::ErrorBody};

const LOCAL_BASE_URL: &str = "http://127.0.0.1:8090/portone";
const LOCAL_SECRET: &str = "local-portone-api-secret-0123456789abcdef";
const LOCAL_STORE: &str = "store-00000000-0000-4000-8000-000000000001";

/// Where PortOne is and who we are there.
#[derive(Clone, Debug)]
pub(crate) struct PortoneConfig {
    /// `PORTONE_BASE_URL`.
    pub(crate) base_url: String,
    /// `PORTONE_API_SECRET`.
    pub(crate) api_secret: SecretString,
    /// `PORTONE_STORE_ID`.
    pub(crate) store_id: String,
    /// `PORTONE_TIMEOUT_SECONDS`, default 10: the longest a call may take.
    pub(crate) timeout: Duration,
    /// `PORTONE_BREAKER_FAILURE_PERCENT`, default 50; `PORTONE_BREAKER_OPEN_SECONDS`, default 60;
    /// `PORTONE_BREAKER_MINIMUM_CALLS`, default 20.
    pub(crate) breaker: BreakerConfig,
}

impl PortoneConfig {
    /// Reads the variables named at the fields.
    ///
    /// # Errors
    /// When one is missing in production or cannot be used.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            base_url: env.third_party_url("PORTONE_BASE_URL", LOCAL_BASE_URL)?,
            api_secret: env.secret("PORTONE_API_SECRET", LOCAL_SECRET)?,
            store_id: env.address("PORTONE_STORE_ID", LOCAL_STORE)?,
            timeout: env.seconds_or("PORTONE_TIMEOUT_SECONDS", 10)?,
            breaker: BreakerConfig {
                failure_rate: f64::from(env.parse_or("PORTONE_BREAKER_FAILURE_PERCENT", 50_u8)?) / 100.0,
                open_for: env.seconds_or("PORTONE_BREAKER_OPEN_SECONDS", 60)?,
                minimum_calls: env.parse_or("PORTONE_BREAKER_MINIMUM_CALLS", 20)?,
                ..BreakerConfig::default()
            },
        })
    }
}

/// A client of PortOne; one per process, because its breaker is.
pub(crate) struct PortoneClient {
    http: reqwest::Client,
    base_url: String,
    authorization: HeaderValue,
    store_id: String,
    breaker: CircuitBreaker,
}

impl PortoneClient {
    /// # Errors
    /// When the secret is no header value or the HTTP client cannot be made.
    pub(crate) fn new(config: &PortoneConfig) -> anyhow::Result<Self> {
        install_tls_provider();
        let mut authorization = HeaderValue::from_str(&format!("PortOne {}", config.api_secret.expose_secret()))
            .map_err(|_| ConfigError::new("PORTONE_API_SECRET", "has characters that no header can carry"))?;
        authorization.set_sensitive(true);
        let http = reqwest::Client::builder()
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            base_url: config.base_url.clone(),
            authorization,
            store_id: config.store_id.clone(),
            breaker: CircuitBreaker::new("portone", config.breaker),
        })
    }

    /// Our store.
    pub(crate) fn store_id(&self) -> &str {
        &self.store_id
    }

    /// Whether calls are refused at present. Asked before something is begun that would have to be undone.
    pub(crate) fn is_refusing(&self) -> bool {
        self.breaker.state() == BreakerState::Open
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, PortoneError> {
        self.call(operation, (Method::GET, path), |request| request.query(query))
            .await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        body: &impl Serialize,
        key: Option<&IdempotencyKey>,
    ) -> Result<T, PortoneError> {
        self.call(operation, (Method::POST, path), |request| {
            let request = request.json(body);
            match key {
                Some(key) => request.header("idempotency-key", key.header()),
                None => request,
            }
        })
        .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        (method, path): (Method, &str),
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, PortoneError> {
        let url = format!("{}{path}", self.base_url);
        let request =
            complete(self.http.request(method.clone(), url)).header(header::AUTHORIZATION, self.authorization.clone());
        let started = Instant::now();
        let result = match self.breaker.call(health, send(request)).await {
            Ok(value) => Ok(value),
            Err(BreakerError::Inner(error)) => Err(error),
            Err(BreakerError::Open { retry_after }) => Err(PortoneError::CircuitOpen { retry_after }),
        };
        let (outcome, took) = (outcome(&result), started.elapsed());
        metrics::histogram!("portone_request_duration_seconds", "operation" => operation, "outcome" => outcome)
            .record(took.as_secs_f64());
        // PortOne itself learns nothing of our traces.
        let at = context::current().trace.child();
        traces::record(at, SpanKind::Client, started, took, |span| {
            let status = match &result {
                Err(PortoneError::Refused { status, .. }) => Some(*status),
                _ => None,
            };
            let call = ClientCall {
                peer: "portone",
                method: &method,
                target: traces::template(path),
                status,
                error: (result.is_err() && status.is_none()).then_some(outcome),
            };
            call.describe(span);
        });
        result
    }
}

async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, PortoneError> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() {
            PortoneError::Unreachable {
                reason: describe(&error),
            }
        } else {
            PortoneError::NoAnswer {
                reason: describe(&error),
            }
        }
    })?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| PortoneError::NoAnswer {
        reason: describe(&error),
    })?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| PortoneError::NoAnswer {
            reason: format!("an unreadable body with status {status}: {error}"),
        });
    }
    let (refusal, pg_code) = match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(body) => (body.refusal, body.pg_code),
        Err(_) => (Refusal::Other(String::new()), None),
    };
    // Behind a 5xx anything may have happened, unless it is the payment gateway's word.
    if status.is_server_error() && refusal != Refusal::PgProvider {
        return Err(PortoneError::NoAnswer {
            reason: format!("status {status}"),
        });
    }
    Err(PortoneError::Refused {
        status: status.as_u16(),
        refusal,
        pg_code,
    })
}

/// A decline is the payment gateway's word on one card and says nothing of PortOne's health (design.md §8.3).
fn health<T>(result: &Result<T, PortoneError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(PortoneError::Unreachable { .. } | PortoneError::NoAnswer { .. }) => Outcome::Failure,
        Err(
            PortoneError::Refused {
                refusal: Refusal::PgProvider,
                ..
            }
            | PortoneError::CircuitOpen { .. },
        ) => Outcome::Ignored,
        Err(PortoneError::Refused { .. }) => Outcome::Success,
    }
}

fn outcome<T>(result: &Result<T, PortoneError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(PortoneError::CircuitOpen { .. }) => "circuit_open",
        Err(PortoneError::Unreachable { .. }) => "unreachable",
        Err(PortoneError::NoAnswer { .. }) => "no_answer",
        Err(PortoneError::Refused { .. }) => "refused",
    }
}

/// reqwest's own text names the address, and so the payment; only the causes help.
fn describe(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else {
        "failed".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
