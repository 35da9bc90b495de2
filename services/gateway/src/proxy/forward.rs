use super::{Backend, BackendConfig, upload};
use crate::{
    body::{ReplyBody, RequestBody, Upload, UploadState},
    client_address::CLIENT_ADDRESS,
    config::ProxyConfig,
    refusal::Refusal,
    route_table::Route,
    steps::strip_identity,
};
use common::{
    Clock,
    context::RequestContext,
    identity::User,
    internal_auth::{SigningKey, outgoing_headers},
    problem::{Code, Problem},
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts, uri::PathAndQuery};
use hyper::body::{Body, Incoming};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use metrics::Histogram;
use resilience::{
    breaker::{BreakerState, CircuitBreaker, Open, Outcome, Permit},
    retry::{RetryBudget, RetryPolicy, retry},
};
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// Shorter than any service keeps an idle connection.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How many idle connections to one service are kept.
const POOL_MAX_IDLE: usize = 512;

/// The way to the services.
pub(crate) struct Proxy {
    client: Client<HttpConnector, RequestBody>,
    connect_timeout: Duration,
    upstreams: Arc<Vec<Upstream>>,
    retries: RetryPolicy,
    key: SigningKey,
    clock: Clock,
}

/// One service, with what is known about its health.
struct Upstream {
    config: BackendConfig,
    breaker: CircuitBreaker,
    budget: RetryBudget,
    duration: Histogram,
}

/// A request ready to be passed on.
pub(crate) struct Forwarded<'a> {
    pub(crate) route: &'a Route,
    pub(crate) backend: Backend,
    pub(crate) head: Parts,
    pub(crate) body: Incoming,
    pub(crate) target: PathAndQuery,
    pub(crate) user: Option<User>,
    pub(crate) client: IpAddr,
    pub(crate) context: &'a RequestContext,
}

impl Proxy {
    pub(crate) fn new(config: &ProxyConfig, key: SigningKey, clock: Clock) -> Self {
        let upstreams = config.backends.iter().map(|backend| {
            let name = backend.backend.service_name();
            Upstream {
                config: backend.clone(),
                breaker: CircuitBreaker::new(name, config.breaker),
                budget: RetryBudget::default(),
                duration: metrics::histogram!("gateway_upstream_duration_seconds", "upstream" => name),
            }
        });
        let upstreams = Arc::new(upstreams.collect());
        Self {
            client: client(config.connect_timeout),
            connect_timeout: config.connect_timeout,
            upstreams,
            retries: RetryPolicy {
                max_retries: config.retries,
                ..RetryPolicy::default()
            },
            key,
            clock,
        }
    }

    /// The same way, with connections of its own: breakers and budgets are the process's.
    pub(crate) fn of_a_thread(&self) -> Self {
        Self {
            client: client(self.connect_timeout),
            connect_timeout: self.connect_timeout,
            upstreams: Arc::clone(&self.upstreams),
            retries: self.retries,
            key: self.key.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Passes a request on and its reply back.
    ///
    /// # Errors
    /// 413, 502, 503 or 504; 400 when the body was broken off.
    pub(crate) async fn forward(&self, request: Forwarded<'_>) -> Result<Response<ReplyBody>, Refusal> {
        let Forwarded {
            route,
            backend,
            head,
            body,
            target,
            user,
            client,
            context,
        } = request;
        let upstream = self.upstream(backend).ok_or(Code::ServiceUnavailable)?;
        if body.size_hint().lower() > route.body_limit {
            return Err(upload::too_large(Some(body)).await);
        }
        let permit = upstream.breaker.try_acquire().map_err(|open| circuit_open(&open))?;
        let (body, upload) = RequestBody::limited(body, route.body_limit);
        let request = self.outgoing(upstream, head, body, target, user, client, context)?;

        let started = Instant::now();
        let sent = tokio::time::timeout(upstream.config.timeout, self.send(upstream, request, route.retry)).await;
        upstream.duration.record(started.elapsed().as_secs_f64());
        match sent {
            Ok(Ok(reply)) if !is_clear(&reply) => {
                permit.record(Outcome::Failure);
                Err(Refusal::from(Code::UpstreamFailed).because("the reply can be read in two ways"))
            }
            Ok(Ok(reply)) => {
                permit.record(judge(&reply));
                Ok(incoming(reply, upstream, route))
            }
            Ok(Err(error)) => Err(failed(permit, upload.as_deref(), Code::UpstreamFailed, &describe(&error)).await),
            Err(elapsed) => Err(failed(permit, upload.as_deref(), Code::UpstreamTimeout, &elapsed.to_string()).await),
        }
    }

    /// A GET of the gateway's own, past breaker and signature: for readiness and documents, which every service serves to
    /// anybody.
    ///
    /// # Errors
    /// When there is no reply.
    pub(crate) async fn get(&self, backend: Backend, path: &'static str) -> anyhow::Result<Response<Incoming>> {
        let upstream = self
            .upstream(backend)
            .ok_or_else(|| anyhow::anyhow!("there is no such service"))?;
        let uri = upstream.config.uri(PathAndQuery::from_static(path))?;
        let request = Request::builder()
            .uri(uri)
            .header(header::HOST, &upstream.config.host)
            .body(RequestBody::Empty)?;
        self.client
            .request(request)
            .await
            .map_err(|error| anyhow::anyhow!("{}", describe(&error)))
    }

    fn upstream(&self, backend: Backend) -> Option<&Upstream> {
        self.upstreams
            .iter()
            .find(|upstream| upstream.config.backend == backend)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "these are what a request to a service is made of"
    )]
    fn outgoing(
        &self,
        upstream: &Upstream,
        head: Parts,
        body: RequestBody,
        target: PathAndQuery,
        user: Option<User>,
        client: IpAddr,
        context: &RequestContext,
    ) -> Result<Request<RequestBody>, Refusal> {
        let mut headers = head.headers;
        headers.extend(outgoing_headers(
            &self.key,
            &self.clock,
            &head.method,
            target.as_str(),
            user,
            context,
        ));
        headers.insert(header::HOST, upstream.config.host.clone());
        if let Ok(address) = HeaderValue::try_from(client.to_string()) {
            headers.insert(CLIENT_ADDRESS, address);
        }
        let uri = upstream.config.uri(target).map_err(|error| Problem::internal(&error))?;
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Sends the request, again if it may be: no part of a reply has come yet when this fails.
    async fn send(
        &self,
        upstream: &Upstream,
        request: Request<RequestBody>,
        repeatable: bool,
    ) -> Result<Response<Incoming>, Error> {
        if !(repeatable && matches!(request.body(), RequestBody::Empty) && request.method() != Method::POST) {
            upstream.budget.deposit();
            return self.client.request(request).await;
        }
        // A half-open breaker's probe stays one request.
        let may_retry = |_: &Error| upstream.breaker.state() == BreakerState::Closed;
        retry(&self.retries, &upstream.budget, may_retry, || {
            self.client.request(copy_of(&request))
        })
        .await
    }
}

fn client(connect_timeout: Duration) -> Client<HttpConnector, RequestBody> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(connect_timeout));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .pool_max_idle_per_host(POOL_MAX_IDLE)
        .build(connector)
}

fn copy_of(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::new(RequestBody::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

fn incoming(mut reply: Response<Incoming>, upstream: &Upstream, route: &Route) -> Response<ReplyBody> {
    strip_identity::strip_reply(reply.headers_mut());
    *reply.version_mut() = http::Version::HTTP_11;
    let silence = (!route.stream).then_some(upstream.config.timeout);
    reply.map(|body| ReplyBody::upstream(body, upstream.config.backend.service_name(), silence))
}

/// Whether it is clear where a reply ends, and that it is one: nobody asked for another protocol, and a length beside chunks,
/// which the client library forgives, would cut the reply short for our client.
fn is_clear(reply: &Response<Incoming>) -> bool {
    let mut codings = reply.headers().get_all(header::TRANSFER_ENCODING).iter();
    let framed = match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && !reply.headers().contains_key(header::CONTENT_LENGTH)
        }
        (Some(_), Some(_)) => false,
    };
    framed && !reply.status().is_informational()
}

/// What a reply says about the service's health (`design.md` §4). A 503 that tells when to come back is one that works.
fn judge(reply: &Response<Incoming>) -> Outcome {
    match reply.status() {
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Outcome::Failure,
        StatusCode::SERVICE_UNAVAILABLE if !reply.headers().contains_key(header::RETRY_AFTER) => Outcome::Failure,
        _ => Outcome::Success,
    }
}

/// The refusal after a call without a reply, and the verdict: none if it was the client who did not finish its part.
async fn failed(permit: Permit, upload: Option<&Upload>, code: Code, cause: &str) -> Refusal {
    let finished = upload.is_none_or(|upload| upload.state() == UploadState::Done);
    // A service that drops the connection while the body still runs has failed; one that we stopped waiting for may not.
    let service_failed =
        finished || code == Code::UpstreamFailed && upload.is_some_and(|upload| upload.state() == UploadState::Running);
    permit.record(if service_failed {
        Outcome::Failure
    } else {
        Outcome::Ignored
    });
    if service_failed {
        return Refusal::from(code).because(cause);
    }
    match upload::client_fault(upload).await {
        Some(refusal) => refusal.because(cause),
        None => Refusal::from(code).because(cause),
    }
}

fn circuit_open(open: &Open) -> Refusal {
    Refusal::from(Problem::new(Code::ServiceUnavailable).retry_after(open.retry_after)).because("the circuit is open")
}

/// The client's own text says only that it failed; the cause is what helps.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
