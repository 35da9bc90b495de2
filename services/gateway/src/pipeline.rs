//! The order of work on a request (`design.md` §4):
//!
//! 1. request id and trace context;
//! 2. the client's address, then stripping of what a client must not say;
//! 3. path normalisation;
//! 4. CORS;
//! 5. the route, and with it who may call it;
//! 6. the access token;
//! 7. one round trip to Redis for everything that is asked there: revoked token, rate limits, queue token;
//! 8. what the answers mean, in this order: revoked, limit, role, queue token;
//! 9. circuit breaker and proxy, or the gateway's own route;
//! 10. on the way back, whatever the reply: compression, security and CORS headers, rate limit, request id; metrics and
//!     access log. These also tell of a request whose client went away before.
//!
//! What a step finds out is left in the [`Exchange`], because the way back needs it even if a later step refuses.

use crate::{
    body::{Inbound, ReplyBody},
    client_address::client_address,
    config::Config,
    exchange::Exchange,
    observe::RouteMetrics,
    proxy::{Forwarded, Proxy},
    redis_state::{Answers, LimitCheck, Questions, RedisDown, RedisState},
    refusal::Refusal,
    reply_fields::Reply,
    route_table::{Access, LimitClass, Match, Route, Target},
    routes::ClientOrigin,
    server::BadHead,
    steps::{
        authenticate::{self, Session, Unauthenticated},
        authorise,
        check_host::check_host,
        compress,
        cors::Cors,
        known_tokens::KnownTokens,
        normalise_path::normalised_target,
        queue_token,
        rate_limit::{self, Standing},
        security_headers, strip_identity,
    },
};
use common::{
    context::{self, REQUEST_ID_HEADER, RequestContext},
    identity::User,
    jwt::TokenVerifier,
    lifecycle::Shutdown,
    problem::{Code, Problem},
};
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts, uri::PathAndQuery};
use std::{
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
};
use tower::ServiceExt;
use uuid::Uuid;

/// Everything a request needs; one per thread.
pub(crate) struct Gateway {
    config: Config,
    cors: Cors,
    tokens: KnownTokens,
    redis: RedisState,
    proxy: Arc<Proxy>,
    /// The gateway's own routes.
    own: axum::Router,
    /// Of requests that have no route.
    unmatched: RouteMetrics,
    closing: Shutdown,
}

impl Gateway {
    pub(crate) fn new(
        config: Config,
        tokens: TokenVerifier,
        redis: RedisState,
        proxy: Arc<Proxy>,
        own: axum::Router,
        closing: Shutdown,
    ) -> Self {
        let cors = Cors::new(&config.cors);
        Self {
            config,
            cors,
            tokens: KnownTokens::new(tokens),
            redis,
            proxy,
            own,
            unmatched: RouteMetrics::new("ANY", "unmatched"),
            closing,
        }
    }

    /// The settings.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Answers a request.
    pub(crate) async fn handle(&self, request: Request<Inbound>, peer: SocketAddr) -> Reply {
        let mut exchange = Exchange::new(&request, &self.unmatched);
        let worked = AssertUnwindSafe(self.work(&mut exchange, request, peer))
            .catch_unwind()
            .await;
        let result = worked.unwrap_or_else(|_| Err(Problem::internal(&"the gateway panicked").into()));
        self.finish(exchange, result).await
    }

    /// Answers what is no request.
    pub(crate) async fn refuse_head(&self, bad: BadHead) -> Reply {
        let exchange = Exchange::of_bad_head(&self.unmatched);
        let refusal = match bad {
            BadHead::TooLarge => Refusal::from(Code::HeadTooLarge),
            BadHead::Malformed(what) => Refusal::from(Code::MalformedRequest).because(what),
            BadHead::Http2 => Refusal::from(Code::MalformedRequest).because("HTTP/2 without an agreement"),
        };
        self.finish(exchange, Err(refusal)).await
    }

    async fn work(
        &self,
        exchange: &mut Exchange<'_>,
        request: Request<Inbound>,
        peer: SocketAddr,
    ) -> Result<Response<ReplyBody>, Refusal> {
        let (mut head, body) = request.into_parts();
        let origin = ClientOrigin::new(peer, &head.headers);
        let client = client_address(peer.ip(), &head.headers, &self.config.trusted_proxies);
        check_host(&head)?;
        strip_identity::strip_request(&mut head.headers);
        // It travels on: what many ask for a service compresses once, and then it is passed through as it is.
        exchange.encodings = head.headers.get(header::ACCEPT_ENCODING).cloned();

        exchange.origin = self.cors.allowed_origin(&head.headers);
        let target = normalised_target(&head.uri)?;
        if let Some(answer) = self.cors.preflight(&head, exchange.origin.as_ref()) {
            return answer;
        }

        let route = match self.config.routes.find(&head.method, target.path()) {
            Match::Route(route) => Arc::clone(route),
            Match::OtherMethods(allow) => return other_method(&head.method, allow),
            Match::Nothing => return Err(Code::NotFound.into()),
        };
        exchange.route = Some(Arc::clone(&route));

        let user = self.admit(exchange, &route, &mut head, client).await?;
        match route.target {
            Target::Backend(backend) => {
                let context = &exchange.context;
                let request = Forwarded {
                    route: &route,
                    backend,
                    head,
                    body,
                    target,
                    user,
                    client,
                    context,
                };
                let mut reply = self.proxy.forward(request).await?;
                if user.is_some() {
                    security_headers::keep_private(reply.headers_mut());
                }
                if route.stream {
                    reply = reply.map(|body| body.until(&self.closing));
                }
                Ok(reply)
            }
            // In a box, as everything that few requests need: the others need no room for it.
            Target::Gateway => Ok(Box::pin(self.answer(&exchange.context, head, target, origin)).await),
        }
    }

    /// Who the request speaks for, if it may go on.
    async fn admit(
        &self,
        exchange: &mut Exchange<'_>,
        route: &Route,
        head: &mut Parts,
        client: IpAddr,
    ) -> Result<Option<User>, Refusal> {
        if route.access == Access::Public {
            // Nobody looks at it on a public route, so it need not travel on, valid or not.
            if route.target != Target::Gateway {
                head.headers.remove(header::AUTHORIZATION);
            }
            self.count(exchange, &route.limit, None, client).await?;
            return Ok(None);
        }
        let session = match authenticate::session(&head.headers, &self.tokens) {
            Ok(session) => session,
            Err(reason) => return Err(Box::pin(self.refuse_anonymous(exchange, reason, client)).await),
        };
        exchange.user = Some(session.user.id);

        let presented = route
            .queue_token
            .map(|kind| (kind, queue_token::presented(&head.headers)));
        let checks = self.checks(&route.limit, Some(session.user.id), client);
        let questions = Questions {
            token: Some((&session.token_sha256, session.sid)),
            limits: &checks,
            queue_token: presented
                .as_ref()
                .and_then(|(_, token)| token.as_ref().ok().copied().flatten()),
        };
        let answers = self.redis.ask(&questions).await;

        self.check_revocation(route, &session, &answers)?;
        exchange.standing = rate_limit::standing(&checks, &answers.limits);
        if let Some(standing) = &exchange.standing {
            standing.check()?;
        }
        authorise::check_role(route, session.user.role)?;
        if let Some((kind, presented)) = presented {
            presented?.ok_or(Code::QueueTokenRequired)?;
            let record = answers.queue_token;
            let record = record.map_err(|RedisDown| redis_needed("the queue token cannot be looked up"))?;
            queue_token::check(record.as_deref(), kind, session.user.id)?;
        }
        Ok(Some(session.user))
    }

    fn check_revocation(&self, route: &Route, session: &Session, answers: &Answers) -> Result<(), Refusal> {
        match answers.revoked {
            Ok(true) => Err(authenticate::revoked().because(format_args!("session {}", session.sid))),
            Err(RedisDown) if authorise::must_know_revocation(route, &self.config.fail_closed) => {
                Err(redis_needed("nobody can tell whether the token was revoked"))
            }
            Ok(false) | Err(RedisDown) => Ok(()),
        }
    }

    /// A bad token counts against the address, so that tokens cannot be tried out; a missing one is an honest mistake.
    async fn refuse_anonymous(&self, exchange: &mut Exchange<'_>, reason: Unauthenticated, client: IpAddr) -> Refusal {
        if reason != Unauthenticated::NoToken
            && let Err(refusal) = self
                .count(exchange, self.config.routes.auth_failure(), None, client)
                .await
        {
            return refusal;
        }
        // That count is not about the route, and would only confuse.
        exchange.standing = None;
        reason.into()
    }

    /// Counts a request against a limit.
    async fn count(
        &self,
        exchange: &mut Exchange<'_>,
        class: &LimitClass,
        user: Option<Uuid>,
        client: IpAddr,
    ) -> Result<(), Refusal> {
        let checks = self.checks(class, user, client);
        let answers = self
            .redis
            .ask(&Questions {
                limits: &checks,
                ..Questions::default()
            })
            .await;
        exchange.standing = rate_limit::standing(&checks, &answers.limits);
        exchange.standing.as_ref().map_or(Ok(()), Standing::check)
    }

    fn checks<'a>(&self, class: &'a LimitClass, user: Option<Uuid>, client: IpAddr) -> Vec<LimitCheck<'a>> {
        let address = (!self.config.rate_limits.is_allowed(client)).then_some(client);
        rate_limit::binding(class, user, address).collect()
    }

    /// Answers by the gateway's own routes, which find the request's id in the task's context.
    async fn answer(
        &self,
        context: &RequestContext,
        head: Parts,
        target: PathAndQuery,
        origin: ClientOrigin,
    ) -> Response<ReplyBody> {
        let mut request = Request::from_parts(head, axum::body::Body::empty());
        *request.uri_mut() = target.into();
        request.extensions_mut().insert(origin);
        let Ok(reply) = context::scope(context.clone(), self.own.clone().oneshot(request)).await;
        reply.map(ReplyBody::from)
    }

    /// Completes a reply of any kind, and tells about it.
    async fn finish(&self, mut exchange: Exchange<'_>, result: Result<Response<ReplyBody>, Refusal>) -> Reply {
        let (mut reply, code, cause) = match result {
            Ok(reply) => (reply, None, None),
            Err(refusal) => {
                let (code, cause) = (refusal.code().as_str(), refusal.cause().map(str::to_owned));
                (Box::pin(refusal.into_reply(&exchange.context)).await, Some(code), cause)
            }
        };
        if let Some(accepted) = exchange.encodings.take()
            && !exchange.route.as_ref().is_some_and(|route| route.stream)
            && compress::is_worth_it(&reply)
        {
            reply = Box::pin(compress::compress(reply, accepted)).await;
        }
        let mut fields = security_headers::fields(reply.headers());
        Cors::tell(&mut fields, exchange.origin.as_ref());
        if let Some(standing) = &exchange.standing {
            standing.tell(&mut fields);
        }
        fields.add(REQUEST_ID_HEADER, &[exchange.context.request_id.as_bytes()]);
        exchange.tell(reply.status().as_u16(), code, cause.as_deref());
        Reply { reply, fields }
    }
}

fn redis_needed(cause: &str) -> Refusal {
    Refusal::from(Code::ServiceUnavailable).because(cause)
}

/// The path is there, the method is not; OPTIONS asks just that.
fn other_method(method: &Method, allow: HeaderValue) -> Result<Response<ReplyBody>, Refusal> {
    if method != Method::OPTIONS {
        return Err(Refusal::from(Code::MethodNotAllowed).with_header(header::ALLOW, allow));
    }
    let mut reply = Response::new(ReplyBody::empty());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply.headers_mut().insert(header::ALLOW, allow);
    Ok(reply)
}
