use crate::config::{ConfigError, Env, Profile};
use std::time::Duration;

/// Of how many traces one is recorded unless the settings say otherwise: enough to see what is usual, cheap enough for a sale.
const DEFAULT_RATIO: f64 = 0.1;

/// Where spans go and how. The variables are OpenTelemetry's; those of its headers and resource attributes
/// (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`) are read by its library.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: the collector's address, to which `/v1/traces` is added. Without it nothing is exported.
    pub(super) endpoint: String,
    /// `OTEL_TRACES_SAMPLER_ARG`: the part of all traces that is recorded, 0 to 1, default 0.1.
    pub(super) ratio: f64,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT` in milliseconds, default 10,000: how long the sending of a batch may take.
    pub(super) timeout: Duration,
    /// `OTEL_BSP_SCHEDULE_DELAY` in milliseconds, default 5,000: how long a span waits for others.
    pub(super) delay: Duration,
    /// `OTEL_BSP_MAX_QUEUE_SIZE`, default 2,048: so many may wait, the others are dropped.
    pub(super) queue: usize,
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`, default 512: so many are sent at once, and early.
    pub(super) batch: usize,
    /// `APP_ENV`.
    pub(super) environment: &'static str,
}

impl Settings {
    /// Reads the variables named at the fields; nothing if there is no collector.
    pub(super) fn from_env(env: &Env) -> Result<Option<Self>, ConfigError> {
        env.explain_default("OTEL_EXPORTER_OTLP_ENDPOINT", "no traces are recorded");
        let endpoint = env.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
        let is_address = |text| reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if let Some(text) = endpoint
            && !is_address(text)
        {
            let reason = format!("`{text}` is no http(s) address");
            return Err(ConfigError::new("OTEL_EXPORTER_OTLP_ENDPOINT", reason));
        }
        let ratio = env.parse_or("OTEL_TRACES_SAMPLER_ARG", DEFAULT_RATIO)?;
        if !(0.0..=1.0).contains(&ratio) {
            let reason = format!("`{ratio}` is not between 0 and 1");
            return Err(ConfigError::new("OTEL_TRACES_SAMPLER_ARG", reason));
        }
        let queue = env.parse_or("OTEL_BSP_MAX_QUEUE_SIZE", 2048_usize)?.max(1);
        let batch = env.parse_or("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512_usize)?;
        let (timeout, delay) = (
            env.millis_or("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000)?,
            env.millis_or("OTEL_BSP_SCHEDULE_DELAY", 5_000)?,
        );
        let environment = match env.profile() {
            Profile::Local => "local",
            Profile::Prod => "prod",
        };
        Ok(endpoint.map(|endpoint| Self {
            endpoint: format!("{}/v1/traces", endpoint.trim_end_matches('/')),
            ratio,
            timeout,
            delay,
            queue,
            batch: batch.clamp(1, queue),
            environment,
        }))
    }

    /// See [`super::is_chosen`].
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of the largest number; the cast saturates at its ends"
    )]
    pub(super) fn chosen_up_to(&self) -> u64 {
        (self.ratio * u64::MAX as f64) as u64
    }
}
