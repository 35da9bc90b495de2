use common::{lifecycle::install_tls_provider, problem::Problem};
use http::StatusCode;
use reqwest::{RequestBuilder, Response, redirect::Policy};
use resilience::breaker::{BreakerConfig, BreakerError, CircuitBreaker, Outcome};
use std::time::Duration;

/// No answer that we ask for is nearly as long. A longer one is not read to its end.
const MAX_BYTES: usize = 256 * 1024;

/// Asks one third party.
pub(crate) struct Client {
    name: &'static str,
    http: reqwest::Client,
    breaker: CircuitBreaker,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Call(#[from] reqwest::Error),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("its answer is longer than {MAX_BYTES} bytes")]
    TooLong,
}

impl Client {
    /// `timeout` is for the whole answer; `pause` is how long a third party is left alone that keeps failing.
    pub(crate) fn new(name: &'static str, timeout: Duration, pause: Duration) -> anyhow::Result<Self> {
        install_tls_provider();
        Ok(Self {
            name,
            http: reqwest::Client::builder()
                .timeout(timeout)
                // Nobody we ask moves; a redirect could only take our secrets elsewhere.
                .redirect(Policy::none())
                .build()?,
            breaker: CircuitBreaker::new(
                name,
                BreakerConfig {
                    open_for: pause,
                    ..BreakerConfig::default()
                },
            ),
        })
    }

    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.http.post(url)
    }

    /// The answer, if its status is one of the `expected`.
    pub(crate) async fn ask(
        &self,
        request: RequestBuilder,
        expected: &[StatusCode],
    ) -> Result<(StatusCode, Vec<u8>), Problem> {
        let judge = |result: &Result<_, Failure>| match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        };
        let answer = self.breaker.call(judge, answer(request, expected)).await;
        answer.map_err(|error| match error {
            BreakerError::Inner(failure) => Problem::unavailable(self.name, &failure),
            BreakerError::Open { retry_after } => {
                Problem::unavailable(self.name, &"it kept failing and is left alone").retry_after(retry_after)
            }
        })
    }

    /// It was asked in vain a moment ago, and will be again after `wait`.
    pub(crate) fn failed_lately(&self, wait: Duration) -> Problem {
        Problem::unavailable(self.name, &"it failed a moment ago").retry_after(wait)
    }

    /// It answered what it never should.
    pub(crate) fn nonsense(&self) -> Problem {
        Problem::unavailable(self.name, &"its answer makes no sense")
    }
}

async fn answer(request: RequestBuilder, expected: &[StatusCode]) -> Result<(StatusCode, Vec<u8>), Failure> {
    let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    if !expected.contains(&status) {
        return Err(Failure::Status(status));
    }
    Ok((status, read(&mut response).await?))
}

async fn read(response: &mut Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Failure::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
