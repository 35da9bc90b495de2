use common::{
    Clock,
    config::{ConfigError, Env, Profile, ServerConfig},
    db::DbConfig,
    internal_auth::{Service, SigningKey, Verifier},
};
use std::{sync::Arc, time::Duration};

use crate::{
    domain::Expectation,
    portone::{PortoneConfig, WebhookSecret},
};

const LOCAL_CHANNEL: &str = "channel-key-00000000-0000-4000-8000-000000000002";
const LOCAL_WEBHOOK_SECRET: &str = "whsec_bG9jYWwtb25seS1wb3J0b25lLXdlYmhvb2stc2VjcmV0LTMy";

/// The service's settings.
#[derive(Clone)]
pub struct Config {
    /// Where it listens; port 8085 by default.
    pub(crate) server: ServerConfig,
    /// Its database.
    pub(crate) db: DbConfig,
    /// `DB_WORKER_POOL_MAX`: connections for consumers, relay and workers, which must not take those that requests wait
    /// for; default 10.
    pub(crate) worker_pool_max: u32,
    /// Kafka, and how messages are sent, handled and kept.
    pub(crate) outbox: outbox::Config,
    /// PortOne.
    pub(crate) portone: PortoneConfig,
    /// PortOne's webhooks.
    pub(crate) webhooks: WebhookConfig,
    /// What the buyer's window needs.
    pub(crate) checkout: CheckoutConfig,
    /// The services this one calls.
    pub(crate) neighbours: NeighbourConfig,
    /// How outcomes are found and what follows from them.
    pub(crate) rules: Arc<Rules>,
    /// The keys of those who may call.
    pub(crate) verifier: Verifier,
    /// For the internal credential.
    pub(crate) clock: Clock,
    /// For the age of webhooks.
    pub(crate) webhook_clock: Clock,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a value is missing in production or does not parse, naming its variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let clock = Clock::system();
        let portone = PortoneConfig::from_env(env)?;
        Ok(Self {
            server: ServerConfig::from_env(env, 8085)?,
            db: DbConfig::from_env(env, "payment")?,
            worker_pool_max: env.parse_or("DB_WORKER_POOL_MAX", 10)?,
            outbox: outbox::Config::from_env(env)?,
            webhooks: WebhookConfig::from_env(env)?,
            checkout: CheckoutConfig::from_env(env)?,
            neighbours: NeighbourConfig::from_env(env)?,
            rules: Arc::new(Rules::from_env(env, &portone)?),
            portone,
            verifier: Verifier::from_env(env, clock.clone())?,
            webhook_clock: clock.clone(),
            clock,
        })
    }

    /// The same with another clock for the age of webhooks, for tests with signatures from the past.
    #[must_use]
    pub fn with_webhook_clock(self, webhook_clock: Clock) -> Self {
        Self { webhook_clock, ..self }
    }
}

/// PortOne's webhooks.
#[derive(Clone)]
pub(crate) struct WebhookConfig {
    /// `PORTONE_WEBHOOK_SECRET` and, during rotation, `PORTONE_WEBHOOK_SECRET_PREVIOUS`.
    pub(crate) secrets: Vec<WebhookSecret>,
    /// `WEBHOOK_TOLERANCE_SECONDS`: how far a webhook's time may be off, default 300.
    pub(crate) tolerance: Duration,
    /// `WEBHOOK_RETRY_FOR_SECONDS`: how long one is worked at, default 24 hours.
    pub(crate) retry_for: Duration,
    /// `WEBHOOK_RETENTION_SECONDS`: how long one is kept, default 30 days.
    pub(crate) retention: Duration,
}

impl WebhookConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        use secrecy::ExposeSecret;
        const VARIABLE: &str = "PORTONE_WEBHOOK_SECRET";
        let mut secrets = vec![env.secret(VARIABLE, LOCAL_WEBHOOK_SECRET)?];
        secrets.extend(env.previous_secret(VARIABLE)?);
        let secrets = secrets
            .iter()
            .map(|secret| WebhookSecret::parse(secret.expose_secret()))
            .collect::<Result<_, _>>()
            .map_err(|error| ConfigError::new(VARIABLE, error.to_string()))?;
        Ok(Self {
            secrets,
            tolerance: env.seconds_or("WEBHOOK_TOLERANCE_SECONDS", 300)?,
            retry_for: env.seconds_or("WEBHOOK_RETRY_FOR_SECONDS", 24 * 3600)?,
            retention: env.seconds_or("WEBHOOK_RETENTION_SECONDS", 30 * 24 * 3600)?,
        })
    }
}

/// What the buyer's window needs besides the payment.
#[derive(Clone, Debug)]
pub(crate) struct CheckoutConfig {
    /// `PORTONE_CHANNEL_KEY_CARD`.
    pub(crate) channel_key: String,
    /// `PAYMENT_REDIRECT_URL`: where the window leads back to on a phone.
    pub(crate) redirect_url: String,
}

impl CheckoutConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            channel_key: env.address("PORTONE_CHANNEL_KEY_CARD", LOCAL_CHANNEL)?,
            redirect_url: env.address("PAYMENT_REDIRECT_URL", "http://localhost:3000/payments/complete")?,
        })
    }
}

/// The services this one calls.
#[derive(Clone)]
pub(crate) struct NeighbourConfig {
    /// `RESERVATION_SERVICE_URL`.
    pub(crate) reservation_url: String,
    /// `QUEUE_SERVICE_URL`.
    pub(crate) queue_url: String,
    /// `INTERNAL_KEY_PAYMENT`.
    pub(crate) key: SigningKey,
}

impl NeighbourConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            reservation_url: env.address("RESERVATION_SERVICE_URL", "http://127.0.0.1:8084")?,
            queue_url: env.address("QUEUE_SERVICE_URL", "http://127.0.0.1:8083")?,
            key: SigningKey::from_env(env, Service::Payment)?,
        })
    }
}

/// How outcomes are found and what follows from them (design.md §8.3, §8.4).
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// What a capture must match, and how long outcomes may stay unknown: `RECONCILE_AFTER_SECONDS`, default 60;
    /// `RECONCILE_NOT_CHARGED_AFTER_SECONDS`, default 180.
    pub(crate) expectation: Expectation,
    /// `RECONCILE_INTERVAL_SECONDS`: how often PortOne is asked about one unknown outcome, default 15.
    pub(crate) reconcile_interval: Duration,
    /// `RECONCILE_CANCELLATION_SECONDS`: how often PortOne is asked about a cancellation that somebody began by hand and
    /// that has not ended, default 900.
    pub(crate) cancellation_interval: Duration,
    /// `RECONCILE_REREAD_SECONDS`: when a failed payment is read again, counted from its confirm; default
    /// `600,3600,86400`.
    pub(crate) rereads: Vec<Duration>,
    /// `PAYMENT_MAX_DECLINES`: the decline at which the reservation is cancelled, default 1.
    pub(crate) max_declines: u32,
    /// `REFUND_RETRY_FOR_SECONDS`: how long a refund is tried before it is left to the operator, default 24 hours.
    pub(crate) refund_retry_for: Duration,
    /// `REFUND_BACKOFF_SECONDS`: the wait after a refund's first try, doubling; default 2.
    pub(crate) refund_backoff: Duration,
    /// `REFUND_BACKOFF_MAX_SECONDS`: the longest of these waits, default 15 minutes.
    pub(crate) refund_backoff_max: Duration,
    /// `SAGA_STUCK_AFTER_SECONDS`: after how long without news a paid booking is driven on, default 120.
    pub(crate) saga_stuck_after: Duration,
    /// `SAGA_ALARM_AFTER_SECONDS`: after how long it is counted for the alarm, default 300.
    pub(crate) saga_alarm_after: Duration,
    /// `PAYMENT_WORKER_POLL_MS`: how often workers look for work that nobody woke them for, default 1000.
    pub(crate) poll: Duration,
    /// For how long a worker has what it took: longer than the three calls of PortOne that a refund may take.
    pub(crate) lease: Duration,
}

impl Rules {
    fn from_env(env: &Env, portone: &PortoneConfig) -> Result<Self, ConfigError> {
        const REREADS: &str = "RECONCILE_REREAD_SECONDS";
        let rereads = env
            .string_or(REREADS, "600,3600,86400")
            .split(',')
            .map(|text| {
                text.trim()
                    .parse()
                    .ok()
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| ConfigError::new(REREADS, "is not a list of seconds separated by commas"))?;
        Ok(Self {
            expectation: Expectation {
                store_id: portone.store_id.clone(),
                live_channel: env.profile() == Profile::Prod,
                decide_after: env.seconds_or("RECONCILE_AFTER_SECONDS", 60)?,
                not_charged_after: env.seconds_or("RECONCILE_NOT_CHARGED_AFTER_SECONDS", 180)?,
            },
            reconcile_interval: env.seconds_or("RECONCILE_INTERVAL_SECONDS", 15)?,
            cancellation_interval: env.seconds_or("RECONCILE_CANCELLATION_SECONDS", 900)?,
            rereads,
            max_declines: env.parse_or("PAYMENT_MAX_DECLINES", 1)?,
            refund_retry_for: env.seconds_or("REFUND_RETRY_FOR_SECONDS", 24 * 3600)?,
            refund_backoff: env.seconds_or("REFUND_BACKOFF_SECONDS", 2)?,
            refund_backoff_max: env.seconds_or("REFUND_BACKOFF_MAX_SECONDS", 900)?,
            saga_stuck_after: env.seconds_or("SAGA_STUCK_AFTER_SECONDS", 120)?,
            saga_alarm_after: env.seconds_or("SAGA_ALARM_AFTER_SECONDS", 300)?,
            poll: env.millis_or("PAYMENT_WORKER_POLL_MS", 1000)?,
            lease: portone.timeout * 4,
        })
    }
}
