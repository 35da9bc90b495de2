use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use resilience::breaker::{BreakerConfig, BreakerState, CircuitBreaker, Outcome};
use tokio::time::advance;

fn record(breaker: &CircuitBreaker, count: usize, outcome: Outcome) {
    for _ in 0..count {
        breaker.try_acquire().unwrap().record(outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn each_state_and_transition_shows_in_the_metrics() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let has = |line: &str| handle.render().lines().any(|rendered| rendered == line);

    let breaker = CircuitBreaker::new("portone", BreakerConfig::default());
    assert!(has(r#"circuit_breaker_state{name="portone"} 0"#));
    assert!(has(r#"circuit_breaker_transitions_total{name="portone",to="open"} 0"#));

    record(&breaker, 20, Outcome::Failure);
    assert!(has(r#"circuit_breaker_state{name="portone"} 2"#));
    assert!(has(r#"circuit_breaker_transitions_total{name="portone",to="open"} 1"#));

    advance(Duration::from_secs(60)).await;
    record(&breaker, 1, Outcome::Success);
    assert!(has(r#"circuit_breaker_state{name="portone"} 1"#));
    assert!(has(
        r#"circuit_breaker_transitions_total{name="portone",to="half_open"} 1"#
    ));

    record(&breaker, 9, Outcome::Success);
    assert!(has(r#"circuit_breaker_state{name="portone"} 0"#));
    assert!(has(
        r#"circuit_breaker_transitions_total{name="portone",to="closed"} 1"#
    ));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn each_transition_is_one_log_line_with_its_breaker_and_state() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let breaker = CircuitBreaker::new("portone", BreakerConfig::default());
    record(&breaker, 20, Outcome::Failure);
    advance(Duration::from_secs(60)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    record(&breaker, 10, Outcome::Success);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, to) in lines.iter().zip(["open", "half_open", "closed"]) {
        assert!(line.contains(r#""breaker.name":"portone""#), "{line}");
        assert!(line.contains(&format!(r#""breaker.to":"{to}""#)), "{line}");
    }
}
