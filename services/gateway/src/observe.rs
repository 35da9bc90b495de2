//! The access log, the metrics and the span of each request (`design.md` §12).
//!
//! A request's series is looked up once per route and status and then kept, because looking it up by its labels for every
//! request would cost as much as checking a token.

use common::{
    access_log::Line,
    context::{RequestContext, TraceParent},
    traces::{self, ServerCall, SpanKind},
};
use http::{Method, Uri};
use metrics::{Histogram, Label};
use std::{
    fmt,
    sync::OnceLock,
    time::{Duration, Instant},
};
use uuid::{Uuid, fmt::Hyphenated};

/// The statuses that have a kept series; others are looked up.
const KEPT: [u16; 25] = [
    200, 201, 202, 204, 302, 304, 400, 401, 402, 403, 404, 405, 409, 412, 413, 415, 422, 423, 428, 429, NO_REPLY, 500,
    502, 503, 504,
];
/// In the place of a reply's status where nobody waited for a reply; a proxy's custom, and no status of HTTP.
pub(crate) const NO_REPLY: u16 = 499;
const MESSAGE: &str = "request handled";
const DURATION: &str = "http_server_request_duration_seconds";

/// The duration histograms of a route, one per status.
pub(crate) struct RouteMetrics {
    method: String,
    route: String,
    kept: [OnceLock<Histogram>; KEPT.len()],
}

impl RouteMetrics {
    pub(crate) fn new(method: &str, route: &str) -> Self {
        Self {
            method: method.to_owned(),
            route: route.to_owned(),
            kept: [const { OnceLock::new() }; KEPT.len()],
        }
    }

    /// The pattern, such as `/events/{id}`, as it stands in logs and labels.
    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    /// Counts a reply.
    pub(crate) fn record(&self, status: u16, duration: Duration) {
        match KEPT.iter().position(|kept| *kept == status) {
            Some(index) => self.kept[index]
                .get_or_init(|| self.histogram(status))
                .record(duration.as_secs_f64()),
            None => self.histogram(status).record(duration.as_secs_f64()),
        }
    }

    fn histogram(&self, status: u16) -> Histogram {
        let labels = vec![
            Label::new("service", "gateway"),
            Label::new("method", self.method.clone()),
            Label::new("route", self.route.clone()),
            Label::new("status", status.to_string()),
        ];
        metrics::histogram!(DURATION, labels)
    }
}

impl fmt::Debug for RouteMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.route)
    }
}

/// What the access log tells about a request. No query (it may hold an email) and no address.
pub(crate) struct AccessLog<'a> {
    pub(crate) context: &'a RequestContext,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) route: &'a str,
    pub(crate) user: Option<Uuid>,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    /// The code of the gateway's own refusal.
    pub(crate) code: Option<&'static str>,
    /// What was behind it.
    pub(crate) cause: Option<&'a str>,
}

impl AccessLog<'_> {
    /// Writes the line. `LOG_LEVEL=info,access=off` leaves it out.
    pub(crate) fn write(&self) {
        if !tracing::enabled!(target: "access", tracing::Level::INFO) {
            return;
        }
        let Some(mut line) = Line::begin(MESSAGE) else {
            return self.trace();
        };
        line.plain("request.id", &self.context.request_id);
        let trace = self.context.trace.text();
        line.text(
            "trace.id",
            str::from_utf8(&trace[TraceParent::TRACE_ID]).unwrap_or_default(),
        );
        line.plain("http.method", self.method.as_str());
        line.text("http.route", self.route);
        line.number("http.status", self.status);
        line.text("url.path", self.uri.path());
        if let Some(user) = self.user {
            line.plain("user.id", user.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]));
        }
        if let Some(code) = self.code {
            line.plain("error.code", code);
        }
        if let Some(cause) = self.cause {
            line.text("error.message", cause);
        }
        line.milliseconds("duration.ms", self.duration);
        line.end();
    }

    /// Tells the collector what the log tells, without the user and what was behind a refusal; if the trace is recorded.
    #[inline]
    pub(crate) fn record_span(&self, began: Instant, is_routed: bool) {
        traces::record(self.context.trace, SpanKind::Server, began, self.duration, |span| {
            let call = ServerCall {
                method: self.method,
                route: is_routed.then_some(self.route),
                path: self.uri.path(),
                status: self.status,
                request_id: &self.context.request_id,
            };
            call.describe(span);
            if let Some(code) = self.code {
                span.set("error.code", code);
            }
        });
    }

    /// The same where the log is not our JSON.
    fn trace(&self) {
        tracing::info!(
            target: "access",
            { request.id = self.context.request_id,
            trace.id = %self.context.trace.trace_id(),
            http.method = %self.method,
            http.route = self.route,
            http.status = self.status,
            url.path = self.uri.path(),
            user.id = self.user.map(tracing::field::display),
            error.code = self.code,
            error.message = self.cause,
            duration.ms = self.duration.as_secs_f64() * 1000.0 },
            "{MESSAGE}"
        );
    }
}
