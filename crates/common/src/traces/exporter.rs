//! The queue of spans and the thread that sends them.

use super::{settings::Settings, span::Span};
use crate::{lifecycle::install_tls_provider, telemetry};
use anyhow::Context;
use metrics::Counter;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{SpanData, SpanExporter},
};
use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a collector that takes nothing is told of.
const TELL_EVERY: Duration = Duration::from_secs(60);
const DROPPED: &str = "trace_spans_dropped_total";

/// The way to the collector.
pub(super) struct Exporter {
    queue: Arc<Queue>,
    flushes: mpsc::UnboundedSender<oneshot::Sender<()>>,
    scope: InstrumentationScope,
}

struct Queue {
    spans: Mutex<Vec<SpanData>>,
    /// More are not kept.
    most: usize,
    /// So many are worth sending before their time.
    batch: usize,
    filled: Notify,
    dropped: Counter,
}

impl Queue {
    fn push(&self, span: SpanData) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() >= self.most {
            drop(spans);
            return self.dropped.increment(1);
        }
        spans.push(span);
        // Only then: to wake a thread for each span would cost more than the span.
        let is_filled = spans.len() == self.batch;
        drop(spans);
        if is_filled {
            self.filled.notify_one();
        }
    }

    /// What waits, for an empty vector.
    fn swap(&self, empty: &mut Vec<SpanData>) {
        mem::swap(&mut *self.spans.lock().unwrap_or_else(PoisonError::into_inner), empty);
    }
}

impl Exporter {
    /// Starts the thread. Nothing is sent yet, so the collector need not be there.
    pub(super) fn start(service: &'static str, settings: &Settings) -> anyhow::Result<Self> {
        install_tls_provider();
        // Before the recorder is there, a counter would be nobody's.
        telemetry::metrics();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut exporter = OtlpExporter::builder()
            .with_http()
            .with_http_client(http)
            .with_endpoint(&settings.endpoint)
            .with_timeout(settings.timeout)
            .build()?;
        exporter.set_resource(&resource(service, settings));

        let queue = Arc::new(Queue {
            spans: Mutex::default(),
            most: settings.queue,
            batch: settings.batch,
            filled: Notify::new(),
            dropped: metrics::counter!(DROPPED, "reason" => "queue_full"),
        });
        let (flushes, asked) = mpsc::unbounded_channel();
        let sender = Sender {
            queue: Arc::clone(&queue),
            asked,
            delay: settings.delay,
            batch: settings.batch,
            exporter,
            exported: metrics::counter!("trace_spans_exported_total"),
            dropped: metrics::counter!(DROPPED, "reason" => "export_failed"),
            told: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || runtime.block_on(sender.run()))
            .context("the thread cannot be started")?;
        Ok(Self {
            queue,
            flushes,
            scope: InstrumentationScope::builder("ticket-queue").build(),
        })
    }

    /// Takes a span to be sent, or drops it.
    pub(super) fn take(&self, mut span: Span) {
        span.0.instrumentation_scope = self.scope.clone();
        self.queue.push(span.0);
    }

    /// Has everything sent that waits; tells whether that has been tried in time.
    pub(super) async fn flush(&self, within: Duration) -> bool {
        let (done, tried) = oneshot::channel();
        self.flushes.send(done).is_ok() && matches!(tokio::time::timeout(within, tried).await, Ok(Ok(())))
    }
}

/// Who all these spans are from.
fn resource(service: &'static str, settings: &Settings) -> Resource {
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_service_name(service)
        .with_attributes([
            KeyValue::new("service.namespace", "ticket-queue"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", Uuid::new_v4().to_string()),
            KeyValue::new("deployment.environment.name", settings.environment),
        ])
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build()
}

/// The thread's work.
struct Sender {
    queue: Arc<Queue>,
    asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    delay: Duration,
    batch: usize,
    exporter: OtlpExporter,
    exported: Counter,
    dropped: Counter,
    /// When a failure was last told of, if the last batch failed.
    told: Option<Instant>,
}

impl Sender {
    /// Until the exporter is dropped, which the process's is not.
    async fn run(mut self) {
        let mut spans = Vec::new();
        loop {
            let mut flushed = None;
            tokio::select! {
                asked = self.asked.recv() => match asked {
                    Some(done) => flushed = Some(done),
                    None => return,
                },
                () = self.queue.filled.notified() => {}
                () = tokio::time::sleep(self.delay) => {}
            }
            self.queue.swap(&mut spans);
            while !spans.is_empty() {
                let rest = spans.split_off(spans.len().min(self.batch));
                self.send(mem::replace(&mut spans, rest)).await;
            }
            if let Some(done) = flushed {
                // Who asked may have gone.
                let _told = done.send(());
            }
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        match self.exporter.export(batch).await {
            Ok(()) => {
                self.exported.increment(count);
                if self.told.take().is_some() {
                    tracing::info!("the collector takes spans again");
                }
            }
            Err(error) => {
                self.dropped.increment(count);
                if self.told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                    tracing::warn!(error.message = %error, traces.dropped = count, "the collector takes no spans");
                    self.told = Some(Instant::now());
                }
            }
        }
    }
}
