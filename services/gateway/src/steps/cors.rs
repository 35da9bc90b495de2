//! Cross-origin requests (`design.md` §4). Origins are compared exactly: `null`, other ports and names that merely end like
//! ours are strangers. A stranger's preflight is refused; its other requests are answered as any client's, without the
//! headers that would let its page read the reply.

use crate::{body::ReplyBody, config::CorsConfig, refusal::Refusal, reply_fields::ReplyFields};
use common::problem::{Code, Problem};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, X-Queue-Token, X-Queue-Ticket, Idempotency-Key, If-Match, X-Request-Id, traceparent",
);
const EXPOSED: &[u8] =
    b"RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id, ETag, Date";

/// The origins that may read our replies.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    max_age: HeaderValue,
}

impl Cors {
    pub(crate) fn new(config: &CorsConfig) -> Self {
        Self {
            origins: config.origins.clone(),
            max_age: config.max_age.as_secs().into(),
        }
    }

    /// The request's origin, if it is one of ours.
    pub(crate) fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = origins.next()?;
        if origins.next().is_some() {
            return None;
        }
        self.origins.iter().find(|allowed| *allowed == origin).cloned()
    }

    /// Answers a preflight; `None` if the request is none.
    pub(crate) fn preflight(
        &self,
        request: &Parts,
        allowed: Option<&HeaderValue>,
    ) -> Option<Result<Response<ReplyBody>, Refusal>> {
        let is_preflight = request.method == Method::OPTIONS
            && request.headers.contains_key(header::ORIGIN)
            && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight {
            return None;
        }
        if allowed.is_none() {
            return Some(Err(Problem::new(Code::Forbidden)
                .detail("This origin may not call the API.")
                .into()));
        }
        let mut reply = Response::new(ReplyBody::empty());
        *reply.status_mut() = StatusCode::NO_CONTENT;
        let headers = reply.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        Some(Ok(reply))
    }

    /// Says in a reply of any kind who may read it.
    pub(crate) fn tell(reply: &mut ReplyFields, allowed: Option<&HeaderValue>) {
        // Caches must not serve one origin's copy to another.
        reply.add_lines("vary: Origin\r\n");
        if let Some(origin) = allowed {
            reply.add("access-control-allow-origin", &[origin.as_bytes()]);
            reply.add_lines("access-control-allow-credentials: true\r\n");
            reply.add("access-control-expose-headers", &[EXPOSED]);
        }
    }
}
