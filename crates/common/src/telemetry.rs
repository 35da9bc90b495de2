//! Logs to standard output (JSON by default, for CloudWatch and its like) and Prometheus metrics (`design.md` §12).

use crate::{
    access_log,
    config::{ConfigError, Env},
    gauges,
    log_writer::LogOutput,
    metric_list,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    filter::{ParseError, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Bounds in seconds of every duration histogram, from a Redis round trip to the gateway's longest time-out.
const DURATION_BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts logging as `LOG_LEVEL` (a level and levels of modules, default `info`) and `LOG_FORMAT` (`json` or `text`) say. A second call
/// in the same process changes nothing.
///
/// # Errors
/// When a setting cannot be used.
pub fn init(env: &Env) -> Result<(), ConfigError> {
    let level = env.string_or("LOG_LEVEL", "info");
    let filter: Targets = level
        .parse()
        .map_err(|error: ParseError| ConfigError::new("LOG_LEVEL", error.to_string()))?;
    let registry = tracing_subscriber::registry().with(filter);
    // Failing to install means that a subscriber is there already, as in tests that boot several services.
    let _installed = match env.string_or("LOG_FORMAT", "json").as_str() {
        "json" => registry
            .with(json_layer(LogOutput))
            .try_init()
            .inspect(|()| access_log::log_is_json()),
        "text" => registry.with(fmt::layer().compact().with_writer(LogOutput)).try_init(),
        other => {
            return Err(ConfigError::new(
                "LOG_FORMAT",
                format!("`{other}` is neither `json` nor `text`"),
            ));
        }
    };
    Ok(())
}

/// The format of our logs.
pub(crate) fn json_layer<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_writer(writer)
}

/// The metrics of this process as Prometheus reads them.
#[must_use]
pub fn render() -> String {
    let mut text = metrics().render();
    text.push_str(&gauges::render());
    text
}

/// The recorder's half of them; it is installed at the first call.
pub fn metrics() -> &'static PrometheusHandle {
    METRICS.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BUCKETS)
            .map_or_else(
                |_| PrometheusBuilder::new().build_recorder(),
                PrometheusBuilder::build_recorder,
            );
        let handle = recorder.handle();
        // Another recorder can only be there in a test that installed its own.
        let _installed = ::metrics::set_global_recorder(recorder);
        metric_list::describe();
        handle
    })
}
