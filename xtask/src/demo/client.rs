//! A client that keeps of each reply what a person who looks for an error wants to see.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use serde_json::Value;

use crate::services::http_client;

/// How often a request is repeated when the gateway asks for patience: many demos in one minute look like an attack.
const PATIENCE: u32 = 3;

/// One address and, perhaps, somebody logged in there.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    access_token: Option<String>,
}

/// A call being put together.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    queue_token: Option<String>,
    body: Option<Value>,
}

/// A reply and what it answered.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    call: String,
    pub(super) status: u16,
    request_id: String,
    pub(super) body: Value,
    /// From sending the request until the body was read.
    pub(super) took: Duration,
}

impl Client {
    pub(super) fn new(base: &str) -> Result<Self> {
        Ok(Self {
            http: http_client()?,
            base: base.to_owned(),
            access_token: None,
        })
    }

    /// The same address as somebody who is logged in.
    pub(super) fn logged_in(&self, access_token: String) -> Self {
        Self {
            access_token: Some(access_token),
            ..self.clone()
        }
    }

    pub(super) fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(super) fn post(&self, path: impl Into<String>, body: Value) -> Call<'_> {
        Call {
            body: Some(body),
            ..self.call(Method::POST, path)
        }
    }

    pub(super) fn delete(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call {
            client: self,
            method,
            path: path.into(),
            queue_token: None,
            body: None,
        }
    }
}

impl Call<'_> {
    /// Shows a queue token, `qr_` or `qp_`.
    pub(super) fn queue_token(self, token: &str) -> Self {
        Self {
            queue_token: Some(token.to_owned()),
            ..self
        }
    }

    /// Sends it, and again as long as the answer is 429.
    pub(super) async fn send(self) -> Result<Reply> {
        let call = format!("{} {}", self.method, self.path);
        for attempt in 0.. {
            let began = Instant::now();
            let response = self.request().send().await;
            let response = response
                .map_err(reqwest::Error::without_url)
                .with_context(|| format!("{call} failed"))?;
            let status = response.status().as_u16();
            let header = |name| {
                response
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            };
            let request_id = header("x-request-id").unwrap_or_else(|| "none".to_owned());
            let retry_after = header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
            let text = response.text().await.with_context(|| format!("{call} broke off"))?;
            let took = began.elapsed();
            if let (429, Some(seconds)) = (status, retry_after)
                && attempt < PATIENCE
            {
                say!("            (asked to wait {seconds} s before {call})");
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                continue;
            }
            let body = if text.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            };
            return Ok(Reply {
                call,
                status,
                request_id,
                body,
                took,
            });
        }
        bail!("{call} was never sent")
    }

    fn request(&self) -> reqwest::RequestBuilder {
        let mut request = self
            .client
            .http
            .request(self.method.clone(), format!("{}{}", self.client.base, self.path));
        if let Some(token) = &self.client.access_token {
            request = request.bearer_auth(token);
        }
        if let Some(token) = &self.queue_token {
            request = request.header("X-Queue-Token", token);
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        request
    }
}

impl Reply {
    /// Demands a status.
    pub(super) fn expect(self, status: u16) -> Result<Self> {
        if self.status == status {
            Ok(self)
        } else {
            Err(self.complain(&format!("expected {status}")))
        }
    }

    /// Demands an error with a certain code.
    pub(super) fn expect_problem(self, status: u16, code: &str) -> Result<Self> {
        let reply = self.expect(status)?;
        if reply.body["code"] == code {
            Ok(reply)
        } else {
            Err(reply.complain(&format!("expected the code {code}")))
        }
    }

    /// Demands that a member has a value.
    pub(super) fn expect_member(self, name: &str, value: &Value) -> Result<Self> {
        if self.body[name] == *value {
            Ok(self)
        } else {
            Err(self.complain(&format!("expected {name} to be {value}")))
        }
    }

    /// A text in the body, e.g. `/checkout/paymentId`.
    pub(super) fn text(&self, pointer: &str) -> Result<String> {
        let text = self.body.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned)
            .ok_or_else(|| self.complain(&format!("expected a text at {pointer}")))
    }

    /// A number in the body.
    pub(super) fn number(&self, pointer: &str) -> Result<i64> {
        let number = self.body.pointer(pointer).and_then(Value::as_i64);
        number.ok_or_else(|| self.complain(&format!("expected a number at {pointer}")))
    }

    /// A list in the body.
    pub(super) fn list(&self, pointer: &str) -> Result<&[Value]> {
        let list = self.body.pointer(pointer).and_then(Value::as_array);
        list.map(Vec::as_slice)
            .ok_or_else(|| self.complain(&format!("expected a list at {pointer}")))
    }

    /// Everything that helps to find out why this is not the reply that was expected.
    pub(super) fn complain(&self, expectation: &str) -> anyhow::Error {
        let Self {
            call,
            status,
            request_id,
            body,
            ..
        } = self;
        let body = serde_json::to_string_pretty(body).unwrap_or_default();
        anyhow::anyhow!("{call} answered {status}, {expectation} (request id {request_id})\n{body}")
    }
}
