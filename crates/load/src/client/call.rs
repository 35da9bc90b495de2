use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt::Write as _, net::SocketAddr};
use tokio::time::Instant;

/// A request to be.
pub struct Call<'a> {
    /// The name under which its latency is kept, such as `POST /queue/enter`: without ids.
    pub(super) endpoint: &'static str,
    method: &'static str,
    path: &'a str,
    bearer: Option<&'a str>,
    headers: Vec<(&'static str, &'a str)>,
    body: Option<String>,
    pub(super) due: Instant,
}

impl<'a> Call<'a> {
    /// `endpoint` begins with the method: `GET /events/{id}`.
    #[must_use]
    pub fn new(endpoint: &'static str, path: &'a str) -> Self {
        Self {
            endpoint,
            method: endpoint.split(' ').next().unwrap_or("GET"),
            path,
            bearer: None,
            headers: Vec::new(),
            body: None,
            due: Instant::now(),
        }
    }

    /// With an access token.
    #[must_use]
    pub fn bearer(self, token: &'a str) -> Self {
        Self {
            bearer: Some(token),
            ..self
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self {
            body: Some(body.to_string()),
            ..self
        }
    }

    /// Since when it should have been sent; now, unless told.
    #[must_use]
    pub fn due(self, due: Instant) -> Self {
        Self { due, ..self }
    }

    /// The request's bytes.
    pub(super) fn head(&self, host: SocketAddr) -> Vec<u8> {
        let mut text = String::with_capacity(1024);
        // Writing to a string cannot fail.
        let _ = write!(text, "{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.path);
        if let Some(token) = self.bearer {
            let _ = write!(text, "authorization: Bearer {token}\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        match &self.body {
            Some(body) => {
                let length = body.len();
                let _ = write!(
                    text,
                    "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
            None if self.method == "GET" => text.push_str("\r\n"),
            None => text.push_str("content-length: 0\r\n\r\n"),
        }
        text.into_bytes()
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// The body as it came.
    pub body: Vec<u8>,
    code: Option<String>,
}

#[derive(Deserialize)]
struct ProblemCode {
    code: String,
}

impl Reply {
    pub(super) fn new(status: u16, retry_after: Option<u64>, body: Vec<u8>) -> Self {
        let problem = (status >= 400).then(|| serde_json::from_slice::<ProblemCode>(&body).ok());
        Self {
            status,
            retry_after,
            code: problem.flatten().map(|problem| problem.code),
            body,
        }
    }

    /// Whether it is a 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The problem's code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as a type, if it is one.
    #[must_use]
    pub fn parse<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The reply, if it has this status.
    ///
    /// # Errors
    /// When it has another one; the text says which, with the body.
    pub fn expect(self, status: u16) -> anyhow::Result<Self> {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        anyhow::ensure!(
            self.status == status,
            "expected {status}, got {}: {}",
            self.status,
            text()
        );
        Ok(self)
    }
}
