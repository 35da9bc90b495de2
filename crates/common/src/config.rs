//! Settings come from environment variables only (`design.md` §1). Every error names the variable it is about.

use crate::{
    live::LiveFiles,
    settings::{Asked, Kind, Setting},
};
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
    pub(crate) values: HashMap<String, String>,
    pub(crate) profile: Profile,
    pub(crate) files: LiveFiles,
    /// There while the settings are described.
    pub(crate) asked: Option<Asked>,
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
            asked: None,
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
        self.note(variable, || Setting::new(Kind::Text, None));
        self.value(variable)
    }

    pub(crate) fn value(&self, variable: &str) -> Option<&str> {
        self.values.get(variable).map(String::as_str)
    }

    /// The name of a file that is read again when it changes ([`LiveFiles`]), if it is set.
    #[must_use]
    pub fn live_file(&self, variable: &str) -> Option<&str> {
        self.note(variable, || Setting::new(Kind::File, None).live());
        self.value(variable)
    }

    /// The variable's value, or `default`.
    #[must_use]
    pub fn string_or(&self, variable: &str, default: &str) -> String {
        self.note(variable, || Setting::new(Kind::Text, Some(default.to_owned())));
        self.value(variable).unwrap_or(default).to_owned()
    }

    /// The variable's value parsed, or `default`.
    ///
    /// # Errors
    /// When the value does not parse.
    pub fn parse_or<T>(&self, variable: &str, default: T) -> Result<T, ConfigError>
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        self.note(variable, || Setting::new(Kind::of::<T>(), Some(default.to_string())));
        Ok(self.parsed(variable)?.unwrap_or(default))
    }

    /// The variable's value parsed, if it is set.
    ///
    /// # Errors
    /// When the value does not parse.
    pub fn parse_optional<T>(&self, variable: &str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.note(variable, || Setting::new(Kind::of::<T>(), None));
        self.parsed(variable)
    }

    fn parsed<T>(&self, variable: &str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parse = |text: &str| {
            text.parse()
                .map_err(|error| ConfigError::new(variable, format!("`{text}` is not usable: {error}")))
        };
        self.value(variable).map(parse).transpose()
    }

    /// A duration given in whole or fractional seconds.
    ///
    /// # Errors
    /// When the value is not a number of seconds from 0 up.
    pub fn seconds_or(&self, variable: &str, default: u64) -> Result<Duration, ConfigError> {
        self.note(variable, || Setting::new(Kind::Seconds, Some(default.to_string())));
        self.duration(variable, Duration::from_secs(default), 1.0)
    }

    /// A duration given in milliseconds.
    ///
    /// # Errors
    /// When the value is not a number of milliseconds from 0 up.
    pub fn millis_or(&self, variable: &str, default: u64) -> Result<Duration, ConfigError> {
        self.note(variable, || Setting::new(Kind::Milliseconds, Some(default.to_string())));
        self.duration(variable, Duration::from_millis(default), 0.001)
    }

    fn duration(&self, variable: &str, default: Duration, unit_seconds: f64) -> Result<Duration, ConfigError> {
        let Some(text) = self.value(variable) else {
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
        self.note(variable, || Setting::new(Kind::Secret, None).required());
        let value = self.secret_text(variable)?;
        self.strictness()
            .check_secret(variable, value.as_deref(), local_default)
    }

    /// A secret that nothing is lost without, read as by [`Env::secret`].
    ///
    /// # Errors
    /// When its file cannot be read; in production, when it is short.
    pub fn optional_secret(&self, variable: &str) -> Result<Option<SecretString>, ConfigError> {
        self.note(variable, || Setting::new(Kind::Secret, None));
        let check = |value: String| self.strictness().check_secret(variable, Some(&value), "");
        self.secret_text(variable)?.map(check).transpose()
    }

    /// A credential that somebody else issued, who also decides how long it is: some providers' have ten characters. Read as
    /// by [`Env::secret`] apart from that.
    ///
    /// # Errors
    /// When its file cannot be read; in production, when it is missing or default.
    pub fn issued_secret(&self, variable: &str, local_default: &str) -> Result<SecretString, ConfigError> {
        self.note(variable, || Setting::new(Kind::IssuedSecret, None).required());
        match (self.strictness(), self.secret_text(variable)?) {
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
        self.note(variable, || Setting::new(Kind::Secret, None).with_previous());
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
        self.note(variable, || {
            Setting::new(Kind::Address, Some(local_default.to_owned())).required()
        });
        match (self.strictness(), self.value(variable)) {
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
        if self.strictness() == Profile::Prod {
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
mod tests;
