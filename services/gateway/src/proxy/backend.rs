use common::{
    config::{ConfigError, Env},
    replicas::ServiceAddresses,
};
use http::HeaderValue;
use std::time::Duration;

/// A service behind the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Backend {
    User,
    Event,
    Queue,
    Reservation,
    Payment,
}

impl Backend {
    pub(crate) const ALL: [Self; 5] = [Self::User, Self::Event, Self::Queue, Self::Reservation, Self::Payment];

    /// The name in the route table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Event => "event",
            Self::Queue => "queue",
            Self::Reservation => "reservation",
            Self::Payment => "payment",
        }
    }

    /// The name in logs, metrics and readiness.
    pub(crate) const fn service_name(self) -> &'static str {
        match self {
            Self::User => "user-service",
            Self::Event => "event-service",
            Self::Queue => "queue-service",
            Self::Reservation => "reservation-service",
            Self::Payment => "payment-service",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.name() == name)
    }

    const fn default_url(self) -> &'static str {
        match self {
            Self::User => "http://127.0.0.1:8081",
            Self::Event => "http://127.0.0.1:8082",
            Self::Queue => "http://127.0.0.1:8083",
            Self::Reservation => "http://127.0.0.1:8084",
            Self::Payment => "http://127.0.0.1:8085",
        }
    }
}

/// Where a service is and how long it may take.
#[derive(Clone, Debug)]
pub(crate) struct BackendConfig {
    pub(crate) backend: Backend,
    pub(crate) addresses: ServiceAddresses,
    /// The value of `Host`.
    pub(crate) host: HeaderValue,
    /// Until the reply begins, and afterwards between two parts of it.
    pub(crate) timeout: Duration,
}

impl BackendConfig {
    /// Reads `<SERVICE>_SERVICE_URL`.
    pub(crate) fn from_env(env: &Env, backend: Backend, timeout: Duration) -> Result<Self, ConfigError> {
        let variable = format!("{}_SERVICE_URL", backend.name().to_uppercase());
        let addresses = ServiceAddresses::from_env(env, &variable, backend.default_url())?;
        let host = HeaderValue::from_str(addresses.first());
        Ok(Self {
            backend,
            host: host.map_err(|error| ConfigError::new(&variable, error.to_string()))?,
            addresses,
            timeout,
        })
    }
}
