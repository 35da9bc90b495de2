use crate::{
    lifecycle::install_tls_provider,
    replicas::{Replicas, ServiceAddresses},
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;
use std::{
    fmt, io,
    net::SocketAddr,
    time::{Duration, Instant},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// The way to the replicas of one service.
pub(super) struct Line {
    http: reqwest::Client,
    replicas: Replicas,
    /// The value of `Host`.
    host: String,
}

/// What is sent, ready to be sent again.
pub(super) struct Request<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<&'a Value>,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// See [`is_failure`].
    pub(super) is_failure: bool,
    pub(super) bytes: Bytes,
}

/// Why there is no reply.
pub(super) enum NoReply {
    /// Nobody says where the service is.
    Address(io::Error),
    Http(reqwest::Error),
}

impl Line {
    pub(super) fn new(name: &'static str, addresses: &str) -> anyhow::Result<Self> {
        install_tls_provider();
        let addresses =
            ServiceAddresses::parse(addresses).map_err(|error| anyhow::anyhow!("the address of {name}: {error}"))?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // Services have no other addresses than plain HTTP, and to read the machine's certificates takes a while.
            .tls_certs_only([])
            .build()?;
        Ok(Self {
            http,
            host: addresses.first().to_owned(),
            replicas: Replicas::new(name, addresses),
        })
    }

    /// Sends it to a replica that was not tried before if there is such a one, and to the next at once while they take no
    /// connection: then it has had no effect, whatever it is. All of that has three seconds.
    pub(super) async fn exchange(&self, request: &Request<'_>, tried: &mut Vec<SocketAddr>) -> Result<Reply, NoReply> {
        let began = Instant::now();
        let mut last = None;
        loop {
            let mut replica = self.replicas.choose(tried).await.map_err(NoReply::Address)?;
            if replica.is_none() && last.is_none() {
                // All were tried for an earlier try of the same call.
                tried.clear();
                replica = self.replicas.choose(&[]).await.map_err(NoReply::Address)?;
            }
            let Some(replica) = replica else {
                return Err(last.unwrap_or_else(|| NoReply::Address(io::ErrorKind::NotFound.into())));
            };
            tried.push(replica.address());
            let limit = READ_TIMEOUT.saturating_sub(began.elapsed());
            match self.once(request, replica.address(), limit).await {
                Ok(reply) => {
                    if reply.is_failure {
                        replica.failed();
                    } else {
                        replica.succeeded();
                    }
                    return Ok(reply);
                }
                Err(error) if error.is_connect() => {
                    replica.unreachable();
                    last = Some(NoReply::Http(error));
                }
                Err(error) => {
                    replica.failed();
                    return Err(NoReply::Http(error));
                }
            }
        }
    }

    async fn once(&self, request: &Request<'_>, address: SocketAddr, limit: Duration) -> reqwest::Result<Reply> {
        let mut sent = self
            .http
            .request(request.method.clone(), format!("http://{address}{}", request.path))
            .timeout(limit)
            .headers(request.headers.clone())
            .header(header::HOST, &self.host);
        if let Some(body) = request.body {
            sent = sent.json(body);
        }
        let response = sent.send().await?;
        Ok(Reply {
            status: response.status(),
            is_failure: is_failure(response.status(), response.headers()),
            bytes: response.bytes().await?,
        })
    }
}

/// Whether a reply says that who gave it does not work (`design.md` §4), for breakers and for the choice among replicas. A 503
/// that tells when to come back is one that works, and is only asked for too much or waits for somebody else.
#[must_use]
pub fn is_failure(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => true,
        StatusCode::SERVICE_UNAVAILABLE => !headers.contains_key(header::RETRY_AFTER),
        _ => false,
    }
}

impl NoReply {
    /// What kind of failure it was, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Http(error) if error.is_timeout() => "timeout",
            Self::Http(error) if error.is_connect() => "connect",
            Self::Http(_) => "broken",
        }
    }
}

impl fmt::Display for NoReply {
    /// reqwest's own text names only the address; the cause is what helps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "its addresses are unknown: {error}"),
            Self::Http(error) => {
                write!(f, "{error}")?;
                let mut source = std::error::Error::source(error);
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_those_of_the_design() {
        let (bare, mut later) = (HeaderMap::new(), HeaderMap::new());
        later.insert(header::RETRY_AFTER, http::HeaderValue::from_static("5"));
        for (status, is_one, is_one_later) in [
            (200, false, false),
            (404, false, false),
            (429, false, false),
            (500, true, true),
            (501, false, false),
            (502, true, true),
            (503, true, false),
            (504, true, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_failure(status, &bare), is_one, "{status}");
            assert_eq!(is_failure(status, &later), is_one_later, "{status}");
        }
    }
}
