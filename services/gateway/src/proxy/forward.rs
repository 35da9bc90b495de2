use super::{
    Backend, BackendConfig,
    call::Call,
    client::{Connector, Failure, Outgoing, Pool, Pools, RequestHead, ServiceBody},
    replies, upload,
    way::Way,
};
use crate::{
    body::{Inbound, ReplyBody, RequestBody, Upload, UploadState},
    client_address::CLIENT_ADDRESS,
    config::ProxyConfig,
    refusal::Refusal,
    route_table::Route,
};
use common::{
    Clock,
    context::{REQUEST_ID_HEADER, RequestContext, TRACEPARENT_HEADER},
    identity::User,
    internal_auth::{SigningKey, each_header},
    problem::{Code, Problem},
    replicas::Replicas,
};
use http::{Method, Response, request::Parts, uri::PathAndQuery};
use hyper::body::Body;
use metrics::Histogram;
use resilience::{
    breaker::{BreakerState, CircuitBreaker, Open, Outcome},
    retry::{RetryBudget, RetryPolicy},
};
use std::{net::IpAddr, sync::Arc};

/// The way to the services.
pub(crate) struct Proxy {
    upstreams: Arc<Vec<Upstream>>,
    /// Idle connections to each of them.
    pools: Vec<Arc<Pool>>,
    /// Those of all threads.
    all_pools: Pools,
    retries: RetryPolicy,
    key: SigningKey,
    clock: Clock,
}

/// One service, with what is known about its health.
struct Upstream {
    config: BackendConfig,
    replicas: Replicas,
    connector: Connector,
    breaker: CircuitBreaker,
    budget: RetryBudget,
    duration: Histogram,
}

/// A request ready to be passed on.
pub(crate) struct Forwarded<'a> {
    pub(crate) route: &'a Route,
    pub(crate) backend: Backend,
    pub(crate) head: Parts,
    pub(crate) body: Inbound,
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
                replicas: Replicas::new(name, backend.addresses.clone()),
                connector: Connector::new(config.connect_timeout),
                breaker: CircuitBreaker::new(name, config.breaker),
                budget: RetryBudget::default(),
                duration: metrics::histogram!("gateway_upstream_duration_seconds", "upstream" => name),
            }
        });
        let upstreams: Vec<_> = upstreams.collect();
        let all_pools = Pools::default();
        Self {
            pools: upstreams.iter().map(|_| all_pools.add()).collect(),
            upstreams: Arc::new(upstreams),
            all_pools,
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
            upstreams: Arc::clone(&self.upstreams),
            pools: self.upstreams.iter().map(|_| self.all_pools.add()).collect(),
            all_pools: self.all_pools.clone(),
            retries: self.retries,
            key: self.key.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Closes idle connections that are old or have ended, of all threads. To be called every five seconds.
    pub(crate) fn tidy(&self) {
        self.all_pools.tidy();
    }

    /// Passes a request on and its reply back.
    ///
    /// # Errors
    /// 413, 502, 503 or 504; 400 when the body was broken off; 500 for what a service should not have said.
    pub(crate) async fn forward(&self, request: Forwarded<'_>) -> Result<Response<ReplyBody>, Refusal> {
        let (upstream, pool) = self.upstream(request.backend).ok_or(Code::ServiceUnavailable)?;
        let route = request.route;
        if request.body.size_hint().lower() > route.body_limit {
            return Err(upload::too_large(Some(request.body)).await);
        }
        let permit = upstream.breaker.try_acquire().map_err(|open| circuit_open(&open))?;
        let (mut request, upload) = self.outgoing(upstream, request);

        let limit = upstream.config.timeout;
        let mut call = Call::new(Way::new(&upstream.replicas), permit, upload, limit, &upstream.duration);
        let sent = tokio::time::timeout(limit, self.send(upstream, &mut call.way, pool, &mut request)).await;
        match sent {
            Ok(Ok(reply)) => {
                call.settle(replies::judge(&reply));
                replies::checked(reply, upstream.config.backend.service_name(), limit, route.stream).await
            }
            Ok(Err(failure)) => Err(failed(&mut call, Code::UpstreamFailed, &failure.to_string()).await),
            Err(elapsed) => {
                if call.has_arrived() {
                    call.way.did_not_answer();
                }
                Err(failed(&mut call, Code::UpstreamTimeout, &elapsed.to_string()).await)
            }
        }
    }

    /// A GET of the gateway's own, past breaker and signature: for readiness and documents, which every service serves to
    /// anybody.
    ///
    /// # Errors
    /// When there is no reply.
    pub(crate) async fn get(&self, backend: Backend, path: &'static str) -> anyhow::Result<Response<ServiceBody>> {
        let (upstream, pool) = self
            .upstream(backend)
            .ok_or_else(|| anyhow::anyhow!("there is no such service"))?;
        let mut head = RequestHead::new(Method::GET, path);
        head.field("host", upstream.config.host.as_bytes());
        let mut request = head.with_body(RequestBody::Empty, true);
        let mut way = Way::new(&upstream.replicas);
        Ok(way.call(&upstream.connector, pool, &mut request).await?)
    }

    fn upstream(&self, backend: Backend) -> Option<(&Upstream, &Arc<Pool>)> {
        let mut upstreams = self.upstreams.iter().zip(&self.pools);
        upstreams.find(|(upstream, _)| upstream.config.backend == backend)
    }

    /// The request as the service gets it, and where to ask how its body went.
    fn outgoing(&self, upstream: &Upstream, request: Forwarded<'_>) -> (Outgoing, Option<Arc<Upload>>) {
        let Forwarded {
            head: parts, target, ..
        } = request;
        let (body, upload) = RequestBody::limited(request.body, request.route.body_limit);
        let repeatable = request.route.retry && parts.method != Method::POST;
        let mut head = RequestHead::new(parts.method.clone(), target.as_str());
        head.field("host", upstream.config.host.as_bytes());
        // Of the rest that only we say, a client's was stripped before anybody read it.
        head.fields(&parts.headers, |name| {
            !matches!(
                name,
                "host" | "content-length" | "transfer-encoding" | REQUEST_ID_HEADER | TRACEPARENT_HEADER
            )
        });
        each_header(
            &self.key,
            &self.clock,
            &parts.method,
            target.as_str(),
            request.user,
            request.context,
            |name, value| head.field(name, value),
        );
        head.address(CLIENT_ADDRESS, request.client);
        (head.with_body(body, repeatable), upload)
    }

    /// Sends the request, again if it may be: no part of a reply has come yet when that is done.
    async fn send(
        &self,
        upstream: &Upstream,
        way: &mut Way<'_>,
        pool: &Arc<Pool>,
        request: &mut Outgoing,
    ) -> Result<Response<ServiceBody>, Failure> {
        upstream.budget.deposit();
        let mut retries = 0;
        loop {
            let failure = match way.call(&upstream.connector, pool, request).await {
                Err(failure) if request.is_repeatable() && failure.may_pass() => failure,
                ended => return ended,
            };
            // A half-open breaker's probe stays one request.
            let pause = match upstream.breaker.state() {
                BreakerState::Closed => self.retries.pause(&upstream.budget, retries),
                BreakerState::HalfOpen | BreakerState::Open => None,
            };
            let Some(pause) = pause else { return Err(failure) };
            tokio::time::sleep(pause).await;
            request.rewind();
            retries += 1;
        }
    }
}

/// The refusal after a call without a reply, and the verdict: none if it was the client who did not finish its part.
async fn failed(call: &mut Call<'_>, code: Code, cause: &str) -> Refusal {
    let is_running = || {
        call.upload()
            .is_some_and(|upload| upload.state() == UploadState::Running)
    };
    // A service that drops the connection while the body still runs has failed; one that we stopped waiting for may not.
    let service_failed = call.has_arrived() || code == Code::UpstreamFailed && is_running();
    call.settle(if service_failed {
        Outcome::Failure
    } else {
        Outcome::Ignored
    });
    if service_failed {
        return Refusal::from(code).because(cause);
    }
    match upload::client_fault(call.upload()).await {
        Some(refusal) => refusal.because(cause),
        None => Refusal::from(code).because(cause),
    }
}

fn circuit_open(open: &Open) -> Refusal {
    Refusal::from(Problem::new(Code::ServiceUnavailable).retry_after(open.retry_after)).because("the circuit is open")
}
