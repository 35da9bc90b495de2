//! Settings come from environment variables only (`design.md` §1). Every error names the variable it is about.

use crate::live::LiveFiles;
use secrecy::SecretString;
use std::{collections::HashMap, fmt::Display, str::FromStr, time::Duration};

/// Secrets shorter than this are refused in production: HMAC-SHA256 keys below the digest's length are weak.
const MIN_SECRET_CHARS: usize = 32;

/// Where the process runs. Decides how strict settings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A developer's machine or a test: every setting has a default.
    Local,
    /// Anything that serves real buyers: no default, short or missing secret, no public test key, no simulator.
    Prod,
}

impl Profile {
    /// A secret that this profile takes.
    pub(crate) fn check_secret(
        self,
        variable: &str,
        value: Option<&str>,
        local_default: &str,
    ) -> Result<SecretString, ConfigError> {
        if self == Self::Prod {
            match value {
                None => return Err(ConfigError::new(variable, "must be set in prod")),
                Some(value) if value == local_default => {
                    return Err(ConfigError::new(variable, "has the default that is only for local use"));
                }
                Some(value) if value.chars().count() < MIN_SECRET_CHARS => {
                    return Err(ConfigError::new(
                        variable,
                        format!("is shorter than {MIN_SECRET_CHARS} characters"),
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(SecretString::from(value.unwrap_or(local_default)))
    }
}

/// A setting that cannot be used, with the variable at fault.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct ConfigError {
    /// The environment variable.
    pub variable: String,
    /// What is wrong with it; never the value of a secret.
    pub reason: String,
}

impl ConfigError {
    /// An error about `variable`.
    pub fn new(variable: &str, reason: impl Into<String>) -> Self {
        Self {
            variable: variable.to_owned(),
            reason: reason.into(),
        }
    }
}

/// A snapshot of the environment. An empty variable counts as unset, because that is what compose files produce.
#[derive(Clone, Debug)]
pub struct Env {
    values: HashMap<String, String>,
    profile: Profile,
    files: LiveFiles,
}

impl Env {
    /// The process's environment.
    ///
    /// # Errors
    /// When `APP_ENV` is neither `local` nor `prod`.
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::from_pairs(std::env::vars())
    }

    /// An environment from pairs, for tests.
    ///
    /// # Errors
    /// When `APP_ENV` is neither `local` nor `prod`.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError> {
        let values: HashMap<String, String> = pairs
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .filter(|(_, v)| !v.is_empty())
            .collect();
        let profile = match values.get("APP_ENV").map(String::as_str) {
            None | Some("local") => Profile::Local,
            Some("prod") => Profile::Prod,
            Some(other) => {
                return Err(ConfigError::new(
                    "APP_ENV",
                    format!("`{other}` is neither `local` nor `prod`"),
                ));
            }
        };
        Ok(Self {
            values,
            profile,
            files: LiveFiles::default(),
        })
    }

    /// The same environment but for one variable.
    #[must_use]
    pub fn with(&self, variable: &str, value: impl Into<String>) -> Self {
        let mut changed = self.clone();
        changed.values.insert(variable.to_owned(), value.into());
        changed
    }

    /// The profile named by `APP_ENV`, `local` by default.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The variable's value, if it is set.
    #[must_use]
    pub fn optional(&self, variable: &str) -> Option<&str> {
        self.values.get(variable).map(String::as_str)
    }

    /// The variable's value, or `default`.
    #[must_use]
    pub fn string_or(&self, variable: &str, default: &str) -> String {
        self.optional(variable).unwrap_or(default).to_owned()
    }

    /// The variable's value parsed, or `default`.
    ///
    /// # Errors
    /// When the value does not parse.
    pub fn parse_or<T>(&self, variable: &str, default: T) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.optional(variable).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|error| ConfigError::new(variable, format!("`{text}` is not usable: {error}")))
        })
    }

    /// A duration given in whole or fractional seconds.
    ///
    /// # Errors
    /// When the value is not a number of seconds from 0 up.
    pub fn seconds_or(&self, variable: &str, default: u64) -> Result<Duration, ConfigError> {
        self.duration(variable, Duration::from_secs(default), 1.0)
    }

    /// A duration given in milliseconds.
    ///
    /// # Errors
    /// When the value is not a number of milliseconds from 0 up.
    pub fn millis_or(&self, variable: &str, default: u64) -> Result<Duration, ConfigError> {
        self.duration(variable, Duration::from_millis(default), 0.001)
    }

    fn duration(&self, variable: &str, default: Duration, unit_seconds: f64) -> Result<Duration, ConfigError> {
        let Some(text) = self.optional(variable) else {
            return Ok(default);
        };
        text.parse::<f64>()
            .ok()
            .and_then(|number| Duration::try_from_secs_f64(number * unit_seconds).ok())
            .ok_or_else(|| ConfigError::new(variable, format!("`{text}` is not a length of time")))
    }

    /// A secret, from `<variable>` or the first line of the file that `<variable>_FILE` names. Locally `local_default` serves;
    /// in production it must be set, differ from that default and be long enough. Secrets that are exchanged while the
    /// process runs are read by [`Env::live_secret`].
    ///
    /// # Errors
    /// When its file cannot be read; in production, when the secret is missing, default or short.
    pub fn secret(&self, variable: &str, local_default: &str) -> Result<SecretString, ConfigError> {
        let value = self.secret_text(variable)?;
        self.profile.check_secret(variable, value.as_deref(), local_default)
    }

    /// A credential that somebody else issued, who also decides how long it is: some providers' have ten characters. Read as
    /// by [`Env::secret`] apart from that.
    ///
    /// # Errors
    /// When its file cannot be read; in production, when it is missing or default.
    pub fn issued_secret(&self, variable: &str, local_default: &str) -> Result<SecretString, ConfigError> {
        match (self.profile, self.secret_text(variable)?) {
            (Profile::Prod, None) => Err(ConfigError::new(variable, "must be set in prod")),
            (Profile::Prod, Some(value)) if value == local_default => {
                Err(ConfigError::new(variable, "has the default that is only for local use"))
            }
            (_, value) => Ok(SecretString::from(value.unwrap_or_else(|| local_default.to_owned()))),
        }
    }

    /// The former value of a secret during rotation, under `<variable>_PREVIOUS` or in the file that
    /// `<variable>_PREVIOUS_FILE` names.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn previous_secret(&self, variable: &str) -> Result<Option<SecretString>, ConfigError> {
        let text = self.secret_text(&format!("{variable}_PREVIOUS"))?;
        Ok(text.map(SecretString::from))
    }

    /// The files whose settings may change while the process runs.
    #[must_use]
    pub fn files(&self) -> &LiveFiles {
        &self.files
    }

    /// A connection address that may hold a password. In production it must be set and differ from the local default.
    ///
    /// # Errors
    /// In production, when it is missing or the default.
    pub fn address(&self, variable: &str, local_default: &str) -> Result<String, ConfigError> {
        match (self.profile, self.optional(variable)) {
            (Profile::Prod, None) => Err(ConfigError::new(variable, "must be set in prod")),
            (Profile::Prod, Some(value)) if value == local_default => {
                Err(ConfigError::new(variable, "has the default that is only for local use"))
            }
            (_, value) => Ok(value.unwrap_or(local_default).to_owned()),
        }
    }

    /// The base address of a third party's API, without a trailing slash. In production a loopback address is refused:
    /// it can only be a simulator.
    ///
    /// # Errors
    /// When the value is no http(s) address, or in production missing, not https, or on this machine.
    pub fn third_party_url(&self, variable: &str, local_default: &str) -> Result<String, ConfigError> {
        let value = self.address(variable, local_default)?;
        let parsed = reqwest::Url::parse(&value).map_err(|error| ConfigError::new(variable, error.to_string()))?;
        if self.profile == Profile::Prod {
            let host = parsed.host_str().unwrap_or_default();
            if parsed.scheme() != "https" || host == "localhost" || host.starts_with("127.") || host == "[::1]" {
                return Err(ConfigError::new(variable, "must be https and not a simulator in prod"));
            }
        }
        Ok(value.trim_end_matches('/').to_owned())
    }
}

/// Settings that every service has.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// `HOST`, default `0.0.0.0`.
    pub host: String,
    /// `PORT`; 0 lets the system choose, for tests.
    pub port: u16,
    /// `SHUTDOWN_GRACE_SECONDS`: how long running requests may take after SIGTERM, default 30.
    pub shutdown_grace: Duration,
    /// `SHUTDOWN_DRAIN_SECONDS`: how long requests are still taken after SIGTERM, while readiness fails already and every
    /// reply closes its connection; default 15 in production, where a load balancer must notice first, and 0 locally.
    pub shutdown_drain: Duration,
    /// The files whose settings may change while the process runs.
    pub files: LiveFiles,
}

impl ServerConfig {
    /// Reads the settings; `default_port` is the service's own of `design.md` §1.
    ///
    /// # Errors
    /// When a value does not parse.
    pub fn from_env(env: &Env, default_port: u16) -> Result<Self, ConfigError> {
        let drain = match env.profile() {
            Profile::Local => 0,
            Profile::Prod => 15,
        };
        Ok(Self {
            host: env.string_or("HOST", "0.0.0.0"),
            port: env.parse_or("PORT", default_port)?,
            shutdown_grace: env.seconds_or("SHUTDOWN_GRACE_SECONDS", 30)?,
            shutdown_drain: env.seconds_or("SHUTDOWN_DRAIN_SECONDS", drain)?,
            files: env.files().clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn an_unusable_number_names_its_variable() {
        let error = env(&[("DB_POOL_MAX", "many")])
            .parse_or("DB_POOL_MAX", 10_u32)
            .unwrap_err();
        assert!(error.to_string().starts_with("DB_POOL_MAX: `many`"), "{error}");
    }

    #[test]
    fn production_refuses_missing_default_and_short_secrets() {
        for secret in [None, Some("local"), Some("too-short")] {
            let mut pairs = vec![("APP_ENV", "prod")];
            pairs.extend(secret.map(|value| ("JWT_SECRET", value)));
            let error = env(&pairs).secret("JWT_SECRET", "local").unwrap_err();
            assert_eq!(error.variable, "JWT_SECRET");
        }
        let long = "0123456789abcdef0123456789abcdef";
        assert!(
            env(&[("APP_ENV", "prod"), ("JWT_SECRET", long)])
                .secret("JWT_SECRET", "local")
                .is_ok()
        );
    }

    #[test]
    fn production_takes_an_issued_secret_of_any_length_but_not_the_default() {
        for (secret, taken) in [(None, false), (Some("local"), false), (Some("ten-chars!"), true)] {
            let mut pairs = vec![("APP_ENV", "prod")];
            pairs.extend(secret.map(|value| ("OAUTH_NAVER_CLIENT_SECRET", value)));
            let result = env(&pairs).issued_secret("OAUTH_NAVER_CLIENT_SECRET", "local");
            assert_eq!(result.is_ok(), taken, "{secret:?}");
        }
        assert!(env(&[]).issued_secret("OAUTH_NAVER_CLIENT_SECRET", "local").is_ok());
    }

    #[test]
    fn production_refuses_simulators() {
        for url in [
            "http://127.0.0.1:8090/portone",
            "https://localhost/portone",
            "http://api.portone.io",
        ] {
            let result =
                env(&[("APP_ENV", "prod"), ("PORTONE_BASE_URL", url)]).third_party_url("PORTONE_BASE_URL", "x");
            assert!(result.is_err(), "{url}");
        }
    }

    #[test]
    fn an_empty_variable_is_unset_and_durations_take_fractions() {
        let env = env(&[("HOLD_TTL_SECONDS", ""), ("SHORT_SECONDS", "0.25")]);
        assert_eq!(
            env.seconds_or("HOLD_TTL_SECONDS", 300).unwrap(),
            Duration::from_secs(300)
        );
        assert_eq!(env.seconds_or("SHORT_SECONDS", 1).unwrap(), Duration::from_millis(250));
        assert!(env.seconds_or("SHORT_SECONDS", 1).is_ok());
    }

    #[test]
    fn an_unknown_profile_is_refused() {
        assert_eq!(
            Env::from_pairs([("APP_ENV", "staging")]).unwrap_err().variable,
            "APP_ENV"
        );
    }
}
