use crate::{
    body::Inbound,
    observe::{AccessLog, NO_REPLY, RouteMetrics},
    route_table::Route,
    steps::rate_limit::Standing,
};
use common::context::RequestContext;
use http::{HeaderValue, Method, Request, Uri};
use std::{sync::Arc, time::Instant};
use uuid::Uuid;

/// What is known about a request so far. Metrics, log and trace are told of it once: when its reply is there or, if its client
/// goes away before, when this is dropped.
pub(crate) struct Exchange<'a> {
    pub(crate) context: RequestContext,
    started: Instant,
    method: Method,
    uri: Uri,
    pub(crate) origin: Option<HeaderValue>,
    /// What the client takes as an encoding; no service has to care.
    pub(crate) encodings: Option<HeaderValue>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) user: Option<Uuid>,
    pub(crate) standing: Option<Standing>,
    /// Where it counts as long as it has no route.
    unmatched: &'a RouteMetrics,
    is_told: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(request: &Request<Inbound>, unmatched: &'a RouteMetrics) -> Self {
        let context = RequestContext::from_client(request.headers());
        Self::begin(context, request.method().clone(), request.uri().clone(), unmatched)
    }

    /// Of what is no request.
    pub(crate) fn of_bad_head(unmatched: &'a RouteMetrics) -> Self {
        // There is none that can be told.
        let method = Method::from_bytes(b"-").unwrap_or_default();
        Self::begin(RequestContext::new(), method, Uri::default(), unmatched)
    }

    fn begin(context: RequestContext, method: Method, uri: Uri, unmatched: &'a RouteMetrics) -> Self {
        Self {
            context,
            started: Instant::now(),
            method,
            uri,
            origin: None,
            encodings: None,
            route: None,
            user: None,
            standing: None,
            unmatched,
            is_told: false,
        }
    }

    /// Tells how it ended: the status, of a refusal its code, and what was behind it.
    pub(crate) fn tell(&mut self, status: u16, code: Option<&'static str>, cause: Option<&str>) {
        self.is_told = true;
        let duration = self.started.elapsed();
        let metrics = self.route.as_ref().map_or(self.unmatched, |route| &route.metrics);
        metrics.record(status, duration);
        let log = AccessLog {
            context: &self.context,
            method: &self.method,
            uri: &self.uri,
            route: metrics.route(),
            user: self.user,
            status,
            duration,
            code,
            cause,
        };
        log.write();
        log.record_span(self.started, self.route.is_some());
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(NO_REPLY, None, Some("nobody waited for the reply"));
        }
    }
}
