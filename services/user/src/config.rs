use crate::personal_data::{Keyring, KeyringConfig};
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
    pub(crate) recaptcha: RecaptchaConfig,
    pub(crate) portone: PortOneConfig,
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
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            server: ServerConfig::from_env(env, 8081)?,
            db: DbConfig::from_env(env, "user")?,
            redis: RedisConfig::from_env(env)?,
            jwt: JwtConfig::from_env(env)?,
            verifier: Verifier::from_env(env, Clock::system())?,
            keyring: Keyring::new(&KeyringConfig::from_env(env)?)?,
            bcrypt_cost,
            hashes_in_flight: env.parse_or("PASSWORD_HASHES_IN_FLIGHT", cores)?.max(1),
            refresh_ttl: env.seconds_or("REFRESH_TOKEN_TTL_SECONDS", 7 * 24 * 3600)?,
            reuse_grace: env.seconds_or("REFRESH_REUSE_GRACE_SECONDS", 10)?,
            identity_max_age: env.seconds_or("IDENTITY_MAX_AGE_SECONDS", 600)?,
            recaptcha: RecaptchaConfig::from_env(env)?,
            portone: PortOneConfig {
                base_url: env.third_party_url("PORTONE_BASE_URL", "http://127.0.0.1:8090/portone")?,
                api_secret: env.secret("PORTONE_API_SECRET", "local-portone-api-secret-0123456789abcdef")?,
            },
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
