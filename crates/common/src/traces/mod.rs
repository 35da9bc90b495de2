//! Traces: spans of requests, calls and messages, sent to a collector over OTLP (`design.md` §12).
//!
//! Where a trace goes is [`crate::context`]'s business, with or without a collector; here is what is recorded of it. A piece
//! of work has a position in its trace ([`TraceParent`]), and once it has ended it is told of with [`record`]. OpenTelemetry
//! gives the data, its encoding and the sending. Its tracer is left out: it would make a second context beside ours, and
//! spend time on requests that nobody records.
//!
//! *What is recorded.* The gateway decides for each request from outside, whatever the client says; everybody else obeys the
//! flag that travels. Work that nobody asked for decides for itself ([`background`]). A position that is not recorded costs a
//! comparison: no allocation, no lock, no clock.
//!
//! *What can go wrong.* Spans wait in a bounded queue for a thread of their own. A collector that is slow, away or refuses
//! fills the queue, and what does not fit is dropped and counted (`trace_spans_dropped_total`); nobody waits. A process that
//! is killed loses what waited; one that ends sends it first, for a few seconds at most ([`flush`]).

mod exporter;
mod http;
mod notes;
mod settings;
mod span;
#[cfg(test)]
mod tests;

pub use self::http::{ClientCall, ServerCall, template};
pub use notes::{Notes, note};
pub use opentelemetry::{Value, trace::SpanKind};
pub use span::Span;

use crate::{
    config::{ConfigError, Env},
    context::{self, Origin, RequestContext, TraceParent},
};
use exporter::Exporter;
use settings::Settings;
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the end of a process waits for the last spans.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

static EXPORTER: OnceLock<Exporter> = OnceLock::new();

/// Of the numbers from 1 to this, each chooses a trace to be recorded; 0 chooses none.
static CHOSEN_UP_TO: AtomicU64 = AtomicU64::new(0);

/// Begins to export as the environment says, if it names a collector. A second call in the same process changes nothing.
///
/// # Errors
/// When a setting cannot be used.
pub fn init(service: &'static str, env: &Env) -> Result<(), ConfigError> {
    let Some(settings) = Settings::from_env(env)? else {
        return Ok(());
    };
    if EXPORTER.get().is_some() {
        return Ok(());
    }
    let exporter = Exporter::start(service, &settings)
        .map_err(|error| ConfigError::new("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{error:#}")))?;
    if EXPORTER.set(exporter).is_ok() {
        CHOSEN_UP_TO.store(settings.chosen_up_to(), Ordering::Relaxed);
        tracing::info!(
            traces.ratio = settings.ratio,
            "spans of chosen traces go to the collector"
        );
    }
    Ok(())
}

/// Whether a random number, not 0, chooses its trace to be recorded.
#[inline]
pub(crate) fn is_chosen(random: u64) -> bool {
    random <= CHOSEN_UP_TO.load(Ordering::Relaxed)
}

/// Whether something is told about this position.
#[inline]
#[must_use]
pub fn is_recorded(at: TraceParent) -> bool {
    at.is_sampled() && EXPORTER.get().is_some()
}

/// Tells of a piece of work that began then, took so long and has ended. `describe` is called only if its trace is recorded.
#[inline]
pub fn record(at: TraceParent, kind: SpanKind, began: Instant, took: Duration, describe: impl FnOnce(&mut Span)) {
    if at.is_sampled()
        && let Some(exporter) = EXPORTER.get()
    {
        let mut span = Span::ended(at, kind, began, took);
        describe(&mut span);
        exporter.take(span);
    }
}

/// Does work that no request began, as the root of a trace of its own.
pub fn background<F: Future>(name: &'static str, work: F) -> impl Future<Output = F::Output> {
    within(RequestContext::root(), name, work)
}

/// Goes on with what a request began, as part of its trace and under its id, whoever does it by now.
pub fn resumed<F: Future>(origin: &Origin, name: &'static str, work: F) -> impl Future<Output = F::Output> {
    let context = RequestContext::from_parts(Some(&origin.request_id), Some(&origin.traceparent));
    within(context, name, work)
}

async fn within<F: Future>(context: RequestContext, name: &'static str, work: F) -> F::Output {
    let (trace, notes, began) = (context.trace, context.notes(), Instant::now());
    let result = context::scope(context, work).await;
    record(trace, SpanKind::Internal, began, began.elapsed(), |span| {
        span.name(name);
        span.take_notes(&notes);
    });
    result
}

/// Sends what waits to be sent; for the end of a process. It takes a few seconds at most.
pub async fn flush() {
    if let Some(exporter) = EXPORTER.get()
        && !exporter.flush(FLUSH_WITHIN).await
    {
        tracing::warn!("the last spans did not reach the collector");
    }
}
