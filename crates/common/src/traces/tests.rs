use super::{Exporter, Settings, Span};
use crate::{config::Env, context::TraceParent};
use http::StatusCode;
use opentelemetry::trace::SpanKind;
use std::time::{Duration, Instant};
use test_support::{Collector, eventually};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const LONG: Duration = Duration::from_secs(60);

fn settings(endpoint: &str, others: &[(&str, &str)]) -> Settings {
    let mut pairs = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ];
    pairs.extend(others);
    let env = Env::from_pairs(pairs).unwrap();
    Settings::from_env(&env).unwrap().unwrap()
}

fn span(name: &'static str) -> Span {
    let at = TraceParent::parse(PARENT).unwrap().child();
    let mut span = Span::ended(at, SpanKind::Server, Instant::now(), Duration::from_millis(7));
    span.name(name);
    span
}

fn dropped(reason: &str) -> u64 {
    let line = format!("trace_spans_dropped_total{{reason=\"{reason}\"}} ");
    let metrics = crate::telemetry::metrics().render();
    let count = metrics.lines().find_map(|text| text.strip_prefix(&line));
    count.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_arrives_with_who_sent_it() {
    let collector = Collector::start().await;
    let exporter = Exporter::start("some-service", &settings(collector.endpoint(), &[])).unwrap();
    exporter.take(span("GET /things/{id}"));
    assert_eq!(collector.requests(), 0, "it waits for others");
    assert!(exporter.flush(LONG).await);

    let spans = collector.spans();
    assert_eq!(spans.len(), 1);
    let seen = &spans[0];
    assert_eq!((&*seen.service, &*seen.name), ("some-service", "GET /things/{id}"));
    assert_eq!(seen.trace, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(seen.parent.as_deref(), Some("00f067aa0ba902b7"));
    assert_eq!(seen.end - seen.start, 7_000_000);
    assert_eq!(seen.resource["deployment.environment.name"], "local");
    assert_eq!(seen.resource["service.version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_batch_leaves_before_its_time() {
    let collector = Collector::start().await;
    let exporter = Exporter::start("some-service", &settings(collector.endpoint(), &[])).unwrap();
    for _ in 0..4 {
        exporter.take(span("one of four"));
    }
    eventually("the batch has arrived", LONG, || async {
        (collector.spans().len() == 4).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_collector_costs_spans_and_nobody_time() {
    let collector = Collector::start().await;
    collector.delay(LONG);
    let settings = settings(collector.endpoint(), &[("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]);
    let exporter = Exporter::start("some-service", &settings).unwrap();
    let (full, failed) = (dropped("queue_full"), dropped("export_failed"));
    for _ in 0..100 {
        exporter.take(span("too many"));
    }
    assert!(dropped("queue_full") > full, "more than fit are dropped at once");
    assert!(exporter.flush(LONG).await, "a batch is given up in time");
    assert!(dropped("export_failed") > failed);
    assert_eq!(collector.spans().len(), 0);

    collector.delay(Duration::ZERO);
    exporter.take(span("later"));
    assert!(exporter.flush(LONG).await);
    assert_eq!(
        collector.spans().len(),
        1,
        "a collector that works again gets what comes then"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_refuses_costs_its_spans() {
    let collector = Collector::start().await;
    collector.refuse(Some(StatusCode::BAD_REQUEST));
    let exporter = Exporter::start("some-service", &settings(collector.endpoint(), &[])).unwrap();
    let failed = dropped("export_failed");
    exporter.take(span("refused"));
    assert!(exporter.flush(LONG).await);
    assert!(dropped("export_failed") > failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_process_does_not_wait_for_a_collector_that_is_away() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", gone.local_addr().unwrap());
    // It takes connections and never says a word.
    let exporter = Exporter::start("some-service", &settings(&endpoint, &[])).unwrap();
    exporter.take(span("lost"));
    let began = Instant::now();
    assert!(!exporter.flush(Duration::from_millis(100)).await);
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "long before the sending's own limit"
    );
}

#[test]
fn settings_that_cannot_be_used_name_their_variable() {
    let read = |pairs: &[(&str, &str)]| Settings::from_env(&Env::from_pairs(pairs.iter().copied()).unwrap());
    assert!(read(&[]).unwrap().is_none(), "without a collector nothing is exported");
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "jaeger:4318"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
    ] {
        assert_eq!(read(&[(variable, value)]).unwrap_err().variable, variable);
    }
}

#[test]
fn the_ratio_is_the_part_that_is_chosen() {
    let chosen_up_to = |ratio| settings("http://collector:4318", &[("OTEL_TRACES_SAMPLER_ARG", ratio)]).chosen_up_to();
    assert_eq!((chosen_up_to("0"), chosen_up_to("1")), (0, u64::MAX));
    let part = chosen_up_to("0.1") as f64 / u64::MAX as f64;
    assert!((part - 0.1).abs() < 1e-9, "{part}");
}
