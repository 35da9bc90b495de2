use super::notes::Notes;
use crate::{Clock, context::TraceParent};
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId, Value,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::{
    borrow::Cow,
    time::{Duration, Instant, SystemTime},
};

/// More than most spans have.
const USUAL_ATTRIBUTES: usize = 12;

/// A piece of work that has ended, on its way to the collector.
#[derive(Debug)]
pub struct Span(pub(super) SpanData);

impl Span {
    pub(super) fn ended(at: TraceParent, kind: SpanKind, began: Instant, took: Duration) -> Self {
        let (trace, span, parent) = at.ids();
        // The end may be a while ago: what is told of first should not make the work seem later than it was.
        let now = SystemTime::from(Clock::system().now());
        let start_time = now.checked_sub(began.elapsed()).unwrap_or(now);
        Self(SpanData {
            span_context: SpanContext::new(
                TraceId::from(trace),
                SpanId::from(span),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote: parent != 0 && matches!(kind, SpanKind::Server | SpanKind::Consumer),
            span_kind: kind,
            name: Cow::Borrowed(""),
            start_time,
            end_time: start_time + took,
            attributes: Vec::with_capacity(USUAL_ATTRIBUTES),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        })
    }

    /// What is done, of few possible names: a route, a topic, no id.
    pub fn name(&mut self, name: impl Into<Cow<'static, str>>) {
        self.0.name = name.into();
    }

    /// An attribute, named as OpenTelemetry names it or as our logs do.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.attributes.push(KeyValue::new(key, value));
    }

    /// It failed, in one of few ways.
    pub fn failed(&mut self, error_type: impl Into<Cow<'static, str>>) {
        self.0.status = Status::error("");
        self.0.attributes.push(match error_type.into() {
            Cow::Borrowed(text) => KeyValue::new("error.type", text),
            Cow::Owned(text) => KeyValue::new("error.type", text),
        });
    }

    /// Tells what was noted during the work.
    pub fn take_notes(&mut self, notes: &Notes) {
        self.0.attributes.append(&mut notes.take());
    }
}
