//! What is told of a request once it is handled: a line in the access log and its duration among the metrics.
//!
//! Both are on the way of every request, so the line is written without `tracing`'s formatter ([`crate::access_log`]), and a
//! thread keeps the series it has once looked up: to find one by its labels would cost more than many a handler.

use crate::{
    access_log::{self, Line},
    context::TraceParent,
    telemetry,
};
use http::Method;
use metrics::Histogram;
use std::{cell::RefCell, collections::HashMap, time::Duration};

const MESSAGE: &str = "request handled";

/// A request and how it ended.
pub(crate) struct Handled<'a> {
    /// As in logs and metrics, `user-service`.
    pub(crate) service: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) trace: TraceParent,
    pub(crate) method: &'a Method,
    /// The pattern, such as `/events/{id}`.
    pub(crate) route: &'a str,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
}

/// One series with its labels but for the route.
struct Series {
    service: &'static str,
    method: Method,
    status: u16,
    durations: Histogram,
}

thread_local! {
    /// By route.
    static KEPT: RefCell<HashMap<Box<str>, Vec<Series>>> = RefCell::default();
}

impl Handled<'_> {
    pub(crate) fn tell(&self) {
        self.measure();
        if tracing::enabled!(target: access_log::TARGET, tracing::Level::INFO) {
            self.log();
        }
    }

    fn log(&self) {
        let Some(mut line) = Line::begin(MESSAGE) else {
            return tracing::info!(
                target: access_log::TARGET,
                { http.method = %self.method,
                http.route = self.route,
                http.status = self.status,
                duration.ms = self.duration.as_secs_f64() * 1000.0 },
                "{MESSAGE}"
            );
        };
        line.text("request.id", self.request_id);
        let trace = self.trace.text();
        line.text(
            "trace.id",
            str::from_utf8(&trace[TraceParent::TRACE_ID]).unwrap_or_default(),
        );
        line.plain("service.name", self.service);
        line.text("http.method", self.method.as_str());
        line.text("http.route", self.route);
        line.number("http.status", self.status);
        line.milliseconds("duration.ms", self.duration);
        line.end();
    }

    fn measure(&self) {
        let seconds = self.duration.as_secs_f64();
        KEPT.with_borrow_mut(|kept| {
            if !kept.contains_key(self.route) {
                kept.insert(self.route.into(), Vec::new());
            }
            let Some(kept) = kept.get_mut(self.route) else { return };
            let known = kept.iter().find(|series| {
                series.status == self.status && series.method == *self.method && series.service == self.service
            });
            if let Some(series) = known {
                return series.durations.record(seconds);
            }
            let series = self.series();
            series.durations.record(seconds);
            kept.push(series);
        });
    }

    fn series(&self) -> Series {
        // Before the recorder is there, a series would be nobody's, and be kept.
        telemetry::metrics();
        Series {
            service: self.service,
            method: self.method.clone(),
            status: self.status,
            durations: metrics::histogram!(
                "http_server_request_duration_seconds",
                "service" => self.service,
                "method" => self.method.to_string(),
                "route" => self.route.to_owned(),
                "status" => self.status.to_string(),
            ),
        }
    }
}
