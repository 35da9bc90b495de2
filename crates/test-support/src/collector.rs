//! An OTLP collector that shows what it was sent.

use axum::{Router, body::Bytes, extract::State, routing::post};
use http::StatusCode;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span, span::SpanKind, status::StatusCode as SpanStatus},
};
use prost::Message;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

/// Takes spans until it is dropped.
pub struct Collector {
    endpoint: String,
    got: Arc<Mutex<Got>>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Got {
    spans: Vec<SpanSeen>,
    requests: usize,
    /// Answers so instead of taking anything.
    refusing: Option<StatusCode>,
    /// Answers so late.
    delay: Duration,
}

/// A span as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanSeen {
    /// `service.name` of who sent it.
    pub service: String,
    /// What was done.
    pub name: String,
    /// `Server`, `Client`, `Producer`, `Consumer` or `Internal`.
    pub kind: SpanKind,
    /// 32 hex digits.
    pub trace: String,
    /// 16 hex digits.
    pub id: String,
    /// 16 hex digits, or none.
    pub parent: Option<String>,
    /// Whether its status is an error.
    pub failed: bool,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    /// As text.
    pub attributes: BTreeMap<String, String>,
    /// Those of the process, as text.
    pub resource: BTreeMap<String, String>,
}

impl Collector {
    /// Begins to listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
        let address = listener.local_addr().expect("it is bound");
        let got = Arc::new(Mutex::new(Got::default()));
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&got));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let _ended = axum::serve(listener, router).await;
        });
        Self {
            endpoint: format!("http://{address}"),
            got,
            _serving: serving,
        }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn got(&self) -> MutexGuard<'_, Got> {
        self.got.lock().expect("nobody panics with it")
    }

    /// Answers with this status from now on and takes nothing, or takes all again.
    pub fn refuse(&self, status: Option<StatusCode>) {
        self.got().refusing = status;
    }

    /// Answers so late from now on.
    pub fn delay(&self, delay: Duration) {
        self.got().delay = delay;
    }

    /// How often it was sent something.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.got().requests
    }

    /// All spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanSeen> {
        self.got().spans.clone()
    }

    /// The spans of a trace, as soon as they are as wanted.
    ///
    /// # Panics
    /// When they are not for a minute; it tells which have arrived.
    pub async fn trace(&self, trace: &str, is_complete: impl Fn(&[SpanSeen]) -> bool) -> Vec<SpanSeen> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let mut spans = self.spans();
            spans.retain(|span| span.trace == trace);
            if is_complete(&spans) {
                return spans;
            }
            if Instant::now() > deadline {
                let arrived = spans
                    .iter()
                    .map(|span| format!("{:?} {}: {}", span.kind, span.service, span.name));
                panic!("the trace is not complete: {:#?}", arrived.collect::<Vec<_>>());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn take(State(got): State<Arc<Mutex<Got>>>, body: Bytes) -> StatusCode {
    let (delay, refusing) = {
        let mut got = got.lock().expect("nobody panics with it");
        got.requests += 1;
        (got.delay, got.refusing)
    };
    tokio::time::sleep(delay).await;
    if let Some(status) = refusing {
        return status;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let spans = request.resource_spans.into_iter().flat_map(read);
    got.lock().expect("nobody panics with it").spans.extend(spans);
    StatusCode::OK
}

fn read(of_process: ResourceSpans) -> Vec<SpanSeen> {
    let resource = texts(of_process.resource.unwrap_or_default().attributes);
    let spans = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| seen(span, &resource)).collect()
}

fn seen(span: Span, resource: &BTreeMap<String, String>) -> SpanSeen {
    SpanSeen {
        service: resource.get("service.name").cloned().unwrap_or_default(),
        kind: span.kind(),
        failed: span
            .status
            .as_ref()
            .is_some_and(|status| status.code() == SpanStatus::Error),
        name: span.name,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        attributes: texts(span.attributes),
        resource: resource.clone(),
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let count = attributes.len();
    let texts: BTreeMap<_, _> = attributes.into_iter().map(|one| (one.key, text(one.value))).collect();
    assert_eq!(texts.len(), count, "an attribute stands twice: {texts:?}");
    texts
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}
