use crate::{personal_data::Keyring, providers::social::SocialConfig};
use common::{
    Clock,
    config::{ConfigError, Env, Profile, ServerConfig},
    db::DbConfig,
    internal_auth::Verifier,
    jwt::JwtConfig,
    redis::RedisConfig,
};
use secrecy::SecretString;
use std::time::Duration;

/// Google's published test secret: every captcha passes with it (external facts: reCAPTCHA FAQ).
const RECAPTCHA_TEST_SECRET: &str = "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe";

const DAY: u64 = 24 * 3600;

/// Settings of the user service; each field names its variable.
#[derive(Clone)]
pub struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) db: DbConfig,
    pub(crate) redis: RedisConfig,
    pub(crate) jwt: JwtConfig,
    pub(crate) verifier: Verifier,
    pub(crate) keyring: Keyring,
    /// `BCRYPT_COST`, 10–12, default 12.
    pub(crate) bcrypt_cost: u32,
    /// `PASSWORD_HASHES_IN_FLIGHT`, default: one per core. More would only starve the rest of the machine.
    pub(crate) hashes_in_flight: usize,
    /// `REFRESH_TOKEN_TTL_SECONDS`, default 7 days.
    pub(crate) refresh_ttl: Duration,
    /// `REFRESH_REUSE_GRACE_SECONDS`, default 10: how long the immediate predecessor counts as a lost reply.
    pub(crate) reuse_grace: Duration,
    /// `IDENTITY_MAX_AGE_SECONDS`, default 600.
    pub(crate) identity_max_age: Duration,
    /// `REJOIN_AFTER_SECONDS`, default 30 days: when a person who deleted their account may have another one.
    pub(crate) rejoin_after: Duration,
    pub(crate) lock_out: LockOutConfig,
    pub(crate) jobs: JobsConfig,
    pub(crate) providers: ProvidersConfig,
    pub(crate) recaptcha: RecaptchaConfig,
    pub(crate) portone: PortOneConfig,
    pub(crate) social: SocialConfig,
}

/// Bad passwords (`design.md` §3.1).
#[derive(Clone, Copy)]
pub(crate) struct LockOutConfig {
    /// `LOGIN_FAILURES_PER_ADDRESS`, default 5: how many one address has for one email.
    pub(crate) per_address: i32,
    /// `LOGIN_STOP_PER_ADDRESS_SECONDS`, default 15 minutes: how long they are counted together, and how long the stop lasts.
    pub(crate) per_address_span: Duration,
    /// `LOGIN_FAILURES_PER_ACCOUNT`, default 100: how many all addresses have together for one email.
    pub(crate) per_account: i32,
    /// `LOGIN_STOP_PER_ACCOUNT_SECONDS`, default a day.
    pub(crate) per_account_span: Duration,
}

/// What is done now and then.
#[derive(Clone, Copy)]
pub(crate) struct JobsConfig {
    /// `DORMANT_AFTER_SECONDS`, default 365 days without login.
    pub(crate) dormant_after: Duration,
    /// `DORMANCY_INTERVAL_SECONDS`, default a day.
    pub(crate) dormancy_interval: Duration,
    /// `BLACKLIST_INTERVAL_SECONDS`, default 5: how soon Redis is told again what it lost.
    pub(crate) blacklist_interval: Duration,
    /// `LOGIN_HISTORY_SECONDS`, default a year.
    pub(crate) history_retention: Duration,
    /// `ACCOUNT_PURGE_INTERVAL_SECONDS`, default an hour.
    pub(crate) purge_interval: Duration,
}

/// Third parties while a visitor waits.
#[derive(Clone, Copy)]
pub(crate) struct ProvidersConfig {
    /// `PROVIDER_TIMEOUT_SECONDS`, default 5: a visitor waits for this; longer and they would have gone.
    pub(crate) timeout: Duration,
    /// `PROVIDER_PAUSE_SECONDS`, default 10: for how long one is left alone that keeps failing.
    pub(crate) pause: Duration,
}

/// reCAPTCHA v2.
#[derive(Clone)]
pub(crate) struct RecaptchaConfig {
    /// `RECAPTCHA_VERIFY_URL`.
    pub(crate) verify_url: String,
    /// `RECAPTCHA_SECRET`.
    pub(crate) secret: SecretString,
    /// `RECAPTCHA_HOSTNAME`: the site on which the captcha must have been solved.
    pub(crate) hostname: String,
}

/// PortOne's identity verification.
#[derive(Clone)]
pub(crate) struct PortOneConfig {
    /// `PORTONE_BASE_URL`.
    pub(crate) base_url: String,
    /// `PORTONE_API_SECRET`.
    pub(crate) api_secret: SecretString,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a setting cannot be used; the error names the variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let bcrypt_cost = env.parse_or("BCRYPT_COST", 12)?;
        let lowest = if env.profile() == Profile::Prod { 10 } else { 4 };
        if !(lowest..=12).contains(&bcrypt_cost) {
            return Err(ConfigError::new("BCRYPT_COST", format!("must be from {lowest} to 12")));
        }
        env.explain_default("PASSWORD_HASHES_IN_FLIGHT", "one per core");
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            server: ServerConfig::from_env(env, 8081)?,
            db: DbConfig::from_env(env, "user")?,
            redis: RedisConfig::from_env(env)?,
            jwt: JwtConfig::from_env(env)?,
            verifier: Verifier::from_env(env, Clock::system())?,
            keyring: Keyring::from_env(env)?,
            bcrypt_cost,
            hashes_in_flight: env.parse_or("PASSWORD_HASHES_IN_FLIGHT", cores)?.max(1),
            refresh_ttl: env.seconds_or("REFRESH_TOKEN_TTL_SECONDS", 7 * 24 * 3600)?,
            reuse_grace: env.seconds_or("REFRESH_REUSE_GRACE_SECONDS", 10)?,
            identity_max_age: env.seconds_or("IDENTITY_MAX_AGE_SECONDS", 600)?,
            rejoin_after: env.seconds_or("REJOIN_AFTER_SECONDS", 30 * DAY)?,
            lock_out: LockOutConfig::from_env(env)?,
            jobs: JobsConfig::from_env(env)?,
            providers: ProvidersConfig {
                timeout: env.seconds_or("PROVIDER_TIMEOUT_SECONDS", 5)?,
                pause: env.seconds_or("PROVIDER_PAUSE_SECONDS", 10)?,
            },
            recaptcha: RecaptchaConfig::from_env(env)?,
            social: SocialConfig::from_env(env)?,
            portone: PortOneConfig {
                base_url: env.third_party_url("PORTONE_BASE_URL", "http://127.0.0.1:8090/portone")?,
                api_secret: env.secret("PORTONE_API_SECRET", "local-portone-api-secret-0123456789abcdef")?,
            },
        })
    }
}

impl LockOutConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let limit = |variable, default| match env.parse_or(variable, default)? {
            limit if limit < 1 => Err(ConfigError::new(variable, "must be at least 1")),
            limit => Ok(limit),
        };
        Ok(Self {
            per_address: limit("LOGIN_FAILURES_PER_ADDRESS", 5)?,
            per_address_span: env.seconds_or("LOGIN_STOP_PER_ADDRESS_SECONDS", 15 * 60)?,
            per_account: limit("LOGIN_FAILURES_PER_ACCOUNT", 100)?,
            per_account_span: env.seconds_or("LOGIN_STOP_PER_ACCOUNT_SECONDS", DAY)?,
        })
    }
}

impl JobsConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            dormant_after: env.seconds_or("DORMANT_AFTER_SECONDS", 365 * DAY)?,
            dormancy_interval: env.seconds_or("DORMANCY_INTERVAL_SECONDS", DAY)?,
            blacklist_interval: env.seconds_or("BLACKLIST_INTERVAL_SECONDS", 5)?,
            history_retention: env.seconds_or("LOGIN_HISTORY_SECONDS", 365 * DAY)?,
            purge_interval: env.seconds_or("ACCOUNT_PURGE_INTERVAL_SECONDS", 3600)?,
        })
    }
}

impl RecaptchaConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let secret = env.secret("RECAPTCHA_SECRET", "local-recaptcha-secret")?;
        if env.profile() == Profile::Prod && env.optional("RECAPTCHA_SECRET") == Some(RECAPTCHA_TEST_SECRET) {
            return Err(ConfigError::new(
                "RECAPTCHA_SECRET",
                "is Google's public test secret, which lets everyone pass",
            ));
        }
        Ok(Self {
            verify_url: env.third_party_url("RECAPTCHA_VERIFY_URL", "http://127.0.0.1:8090/recaptcha/siteverify")?,
            secret,
            hostname: env.address("RECAPTCHA_HOSTNAME", "localhost")?,
        })
    }
}
