use crate::{
    proxy::{Backend, BackendConfig},
    route_table::{LimitScale, RouteTable},
    server::tls_settings,
};
use common::{
    Clock,
    config::{ConfigError, Env, Profile, ServerConfig},
    internal_auth::{Service, SigningKey},
    jwt::JwtConfig,
    live::Live,
    redis::RedisConfig,
};
use http::HeaderValue;
use ipnet::IpNet;
use resilience::breaker::BreakerConfig;
use secrecy::SecretString;
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

/// The site key that Google publishes for tests; it lets every robot pass.
const RECAPTCHA_TEST_SITE_KEY: &str = "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI";
/// `RATE_LIMIT_PROFILE=loadtest` raises every limit by this factor: the same work per request, but no limit in reach.
const LOADTEST_FACTOR: u32 = 10_000;

/// The gateway's settings. Besides those named at the fields: `GATEWAY_ROUTES` and `RATE_LIMIT_<NAME>` (see
/// `route_table/default.routes`), and those of [`ServerConfig`], [`JwtConfig`] and [`RedisConfig`].
#[derive(Clone)]
pub struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) connections: ConnectionConfig,
    pub(crate) redis: RedisConfig,
    /// `GATEWAY_REDIS_TIMEOUT_MS`, default 500: a Redis that takes longer counts as down, because every request waits
    /// for it.
    pub(crate) redis_timeout: Duration,
    pub(crate) jwt: JwtConfig,
    pub(crate) signing_key: SigningKey,
    pub(crate) proxy: ProxyConfig,
    pub(crate) cors: CorsConfig,
    pub(crate) routes: RouteTable,
    pub(crate) rate_limits: RateLimitConfig,
    pub(crate) fail_closed: FailClosed,
    /// `TRUSTED_PROXIES`, comma-separated networks whose `X-Forwarded-For` is believed; none by default.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// `METRICS_TOKEN`: lets a scraper from anywhere read `/metrics` with `Authorization: Bearer`; unset by default.
    pub(crate) metrics_token: Option<SecretString>,
    pub(crate) front_end: FrontEndConfig,
    pub(crate) clock: Clock,
}

/// Limits on connections.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionConfig {
    /// `MAX_CONNECTIONS`, default 20000; more wait in the listener's backlog.
    pub(crate) max: usize,
    /// `MAX_CONNECTIONS_PER_ADDRESS`, default 4096; more are closed at once. Those of `TRUSTED_PROXIES` are not counted.
    pub(crate) max_per_address: usize,
    /// `HEADER_READ_TIMEOUT_SECONDS`, default 10: how long a request's head may take from its first byte, and a TLS handshake.
    pub(crate) head_timeout: Duration,
    /// `REPLY_STALL_SECONDS`, default 30: how long a client may take nothing of a reply that is there for it.
    pub(crate) stall_timeout: Duration,
    /// `IDLE_TIMEOUT_SECONDS`, default 75: how long a connection may wait for its next request. Longer than a load
    /// balancer's 65 s, which would otherwise reuse connections that are just being closed.
    pub(crate) idle_timeout: Duration,
    /// `MAX_HEAD_BYTES`, default 32768.
    pub(crate) max_head_bytes: usize,
    /// HTTPS with HTTP/1.1 and HTTP/2, if there is a certificate; else plain HTTP/1.1, for behind a load balancer.
    pub(crate) tls: Option<Live<rustls::ServerConfig>>,
}

/// How requests are passed on.
#[derive(Clone, Debug)]
pub(crate) struct ProxyConfig {
    /// In the order of [`Backend::ALL`]; `<SERVICE>_SERVICE_URL`, `UPSTREAM_TIMEOUT_SECONDS` (30) and
    /// `PAYMENT_TIMEOUT_SECONDS` (60).
    pub(crate) backends: Vec<BackendConfig>,
    /// `UPSTREAM_CONNECT_TIMEOUT_SECONDS`, default 2.
    pub(crate) connect_timeout: Duration,
    /// `UPSTREAM_RETRIES`, default 2.
    pub(crate) retries: u32,
    /// `BREAKER_WINDOW` (100), `BREAKER_MIN_CALLS` (20), `BREAKER_FAILURE_RATE` (0.5), `BREAKER_OPEN_SECONDS` (60),
    /// `BREAKER_PROBES` (10).
    pub(crate) breaker: BreakerConfig,
}

/// Which front ends may call from a browser.
#[derive(Clone, Debug)]
pub(crate) struct CorsConfig {
    /// `CORS_ALLOWED_ORIGINS`, comma-separated and compared exactly. Default `https://ticketing.vercel.app`, locally also
    /// `http://localhost:3000`.
    pub(crate) origins: Vec<HeaderValue>,
    /// `CORS_MAX_AGE_SECONDS`, default 600: how long a browser remembers a preflight.
    pub(crate) max_age: Duration,
}

/// Rate limits beyond the numbers in the route table.
#[derive(Clone, Debug)]
pub(crate) struct RateLimitConfig {
    /// `RATE_LIMIT_ALLOW_CIDRS`: networks without limits per address; none by default.
    pub(crate) allowed: Vec<IpNet>,
}

impl RateLimitConfig {
    /// Whether limits per address do not bind this one.
    pub(crate) fn is_allowed(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&address))
    }
}

/// `BLACKLIST_FAIL_CLOSED`, default `admin,payment`: where a request is refused when nobody can tell whether its token was
/// revoked. Names of services, `admin` for every admin route, or `none`.
#[derive(Clone, Debug)]
pub(crate) struct FailClosed {
    pub(crate) admin: bool,
    pub(crate) backends: BTreeSet<Backend>,
}

/// What `GET /config` tells the front end: `RECAPTCHA_SITE_KEY`, `PORTONE_STORE_ID`, `PORTONE_CHANNEL_KEY_CARD`.
#[derive(Clone, Debug)]
pub(crate) struct FrontEndConfig {
    pub(crate) recaptcha_site_key: String,
    pub(crate) portone_store_id: String,
    pub(crate) portone_channel_key_card: String,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a value cannot be used; the error names its variable, and the line in a route table.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            server: ServerConfig::from_env(env, 8080)?,
            connections: ConnectionConfig {
                max: env.parse_or("MAX_CONNECTIONS", 20_000)?,
                max_per_address: env.parse_or("MAX_CONNECTIONS_PER_ADDRESS", 4096)?,
                stall_timeout: env.seconds_or("REPLY_STALL_SECONDS", 30)?,
                head_timeout: env.seconds_or("HEADER_READ_TIMEOUT_SECONDS", 10)?,
                idle_timeout: env.seconds_or("IDLE_TIMEOUT_SECONDS", 75)?,
                max_head_bytes: head_bytes(env)?,
                tls: tls(env)?,
            },
            redis: RedisConfig::from_env(env)?,
            redis_timeout: env.millis_or("GATEWAY_REDIS_TIMEOUT_MS", 500)?,
            jwt: JwtConfig::from_env(env)?,
            signing_key: SigningKey::from_env(env, Service::Gateway)?,
            proxy: proxy(env)?,
            cors: CorsConfig {
                origins: origins(env)?,
                max_age: env.seconds_or("CORS_MAX_AGE_SECONDS", 600)?,
            },
            routes: RouteTable::from_env(env, limit_scale(env)?)?,
            rate_limits: RateLimitConfig {
                allowed: networks(env, "RATE_LIMIT_ALLOW_CIDRS")?,
            },
            fail_closed: fail_closed(env)?,
            trusted_proxies: networks(env, "TRUSTED_PROXIES")?,
            metrics_token: metrics_token(env)?,
            front_end: FrontEndConfig {
                recaptcha_site_key: site_key(env)?,
                portone_store_id: env.address("PORTONE_STORE_ID", "store-00000000-0000-4000-8000-000000000001")?,
                portone_channel_key_card: env.address(
                    "PORTONE_CHANNEL_KEY_CARD",
                    "channel-key-00000000-0000-4000-8000-000000000002",
                )?,
            },
            clock: Clock::system(),
        })
    }

    /// The same settings with another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }
}

fn head_bytes(env: &Env) -> Result<usize, ConfigError> {
    let bytes = env.parse_or("MAX_HEAD_BYTES", 32 * 1024)?;
    // The HTTP parser cannot work with less.
    if bytes < 8192 {
        Err(ConfigError::new("MAX_HEAD_BYTES", "must be at least 8192"))
    } else {
        Ok(bytes)
    }
}

/// `TLS_CERT_FILE` (the chain, ours first) and `TLS_KEY_FILE`, both PEM; read again when they change.
fn tls(env: &Env) -> Result<Option<Live<rustls::ServerConfig>>, ConfigError> {
    const CERTIFICATE: &str = "TLS_CERT_FILE";
    const KEY: &str = "TLS_KEY_FILE";
    match (env.live_file(CERTIFICATE), env.live_file(KEY)) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::new(KEY, format!("is missing beside {CERTIFICATE}"))),
        (None, Some(_)) => Err(ConfigError::new(CERTIFICATE, format!("is missing beside {KEY}"))),
        (Some(certificate), Some(key)) => {
            let parse = |contents: &[Vec<u8>]| match contents {
                [certificate, key] => tls_settings(certificate, key),
                _ => Err(anyhow::anyhow!("a file is missing")),
            };
            let parse = move |contents: &[Vec<u8>]| {
                parse(contents).map_err(|error| ConfigError::new(CERTIFICATE, error.to_string()))
            };
            let live = env
                .files()
                .live(CERTIFICATE, vec![certificate.into(), key.into()], parse)?;
            Ok(Some(live))
        }
    }
}

fn proxy(env: &Env) -> Result<ProxyConfig, ConfigError> {
    let ordinary = env.seconds_or("UPSTREAM_TIMEOUT_SECONDS", 30)?;
    let payment = env.seconds_or("PAYMENT_TIMEOUT_SECONDS", 60)?;
    let backends = Backend::ALL.into_iter().map(|backend| {
        let timeout = if backend == Backend::Payment { payment } else { ordinary };
        BackendConfig::from_env(env, backend, timeout)
    });
    Ok(ProxyConfig {
        backends: backends.collect::<Result<_, _>>()?,
        connect_timeout: env.seconds_or("UPSTREAM_CONNECT_TIMEOUT_SECONDS", 2)?,
        retries: env.parse_or("UPSTREAM_RETRIES", 2)?,
        breaker: BreakerConfig {
            window: env.parse_or("BREAKER_WINDOW", 100)?,
            minimum_calls: env.parse_or("BREAKER_MIN_CALLS", 20)?,
            failure_rate: env.parse_or("BREAKER_FAILURE_RATE", 0.5)?,
            open_for: env.seconds_or("BREAKER_OPEN_SECONDS", 60)?,
            half_open_probes: env.parse_or("BREAKER_PROBES", 10)?,
        },
    })
}

fn origins(env: &Env) -> Result<Vec<HeaderValue>, ConfigError> {
    const VARIABLE: &str = "CORS_ALLOWED_ORIGINS";
    let default = match env.profile() {
        Profile::Local => "https://ticketing.vercel.app,http://localhost:3000",
        Profile::Prod => "https://ticketing.vercel.app",
    };
    let text = env.string_or(VARIABLE, default);
    items(&text)
        .map(|origin| {
            // An origin has no path: with one, it would never equal what a browser sends.
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"));
            match (host, HeaderValue::from_str(origin)) {
                (Some(host), Ok(value)) if !host.is_empty() && !host.contains(['/', '*', '?', '#', '@']) => Ok(value),
                _ => Err(ConfigError::new(
                    VARIABLE,
                    format!("`{origin}` is not an origin such as https://example.com"),
                )),
            }
        })
        .collect()
}

/// `RATE_LIMIT_PROFILE` (`standard` or, not in production, `loadtest`) and `GATEWAY_REPLICAS` (1).
fn limit_scale(env: &Env) -> Result<LimitScale, ConfigError> {
    const VARIABLE: &str = "RATE_LIMIT_PROFILE";
    let factor = match (env.string_or(VARIABLE, "standard").as_str(), env.profile()) {
        ("standard", _) => 1,
        ("loadtest", Profile::Local) => LOADTEST_FACTOR,
        ("loadtest", Profile::Prod) => return Err(ConfigError::new(VARIABLE, "`loadtest` is refused in prod")),
        (other, _) => {
            return Err(ConfigError::new(
                VARIABLE,
                format!("`{other}` is neither `standard` nor `loadtest`"),
            ));
        }
    };
    Ok(LimitScale {
        factor,
        replicas: env.parse_or("GATEWAY_REPLICAS", 1)?,
    })
}

fn fail_closed(env: &Env) -> Result<FailClosed, ConfigError> {
    const VARIABLE: &str = "BLACKLIST_FAIL_CLOSED";
    let mut closed = FailClosed {
        admin: false,
        backends: BTreeSet::new(),
    };
    for item in items(&env.string_or(VARIABLE, "admin,payment")) {
        match (item, Backend::parse(item)) {
            ("none", _) => {}
            ("admin", _) => closed.admin = true,
            (_, Some(backend)) => _ = closed.backends.insert(backend),
            _ => {
                return Err(ConfigError::new(
                    VARIABLE,
                    format!("`{item}` is neither `admin`, `none` nor a service"),
                ));
            }
        }
    }
    Ok(closed)
}

fn networks(env: &Env, variable: &str) -> Result<Vec<IpNet>, ConfigError> {
    items(&env.string_or(variable, ""))
        .map(|item| {
            let network = item
                .parse::<IpNet>()
                .or_else(|error| item.parse::<IpAddr>().map(Into::into).or(Err(error)));
            network.map_err(|_| ConfigError::new(variable, format!("`{item}` is not a network such as 10.0.0.0/16")))
        })
        .collect()
}

fn metrics_token(env: &Env) -> Result<Option<SecretString>, ConfigError> {
    env.optional_secret("METRICS_TOKEN")
}

fn site_key(env: &Env) -> Result<String, ConfigError> {
    const VARIABLE: &str = "RECAPTCHA_SITE_KEY";
    let key = env.address(VARIABLE, "local-recaptcha-site-key")?;
    if env.profile() == Profile::Prod && key == RECAPTCHA_TEST_SITE_KEY {
        return Err(ConfigError::new(VARIABLE, "is the public test key"));
    }
    Ok(key)
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_env(&Env::from_pairs(pairs.iter().copied()).unwrap())
    }

    #[test]
    fn the_defaults_are_usable_and_name_the_local_front_end() {
        let config = config(&[]).unwrap();
        assert_eq!(
            config.cors.origins,
            ["https://ticketing.vercel.app", "http://localhost:3000"]
        );
        assert_eq!(config.server.port, 8080);
    }

    #[test]
    fn bad_values_name_their_variable() {
        for (variable, value) in [
            ("CORS_ALLOWED_ORIGINS", "https://example.com/path"),
            ("CORS_ALLOWED_ORIGINS", "*"),
            ("TRUSTED_PROXIES", "10.0.0.0/33"),
            ("BLACKLIST_FAIL_CLOSED", "everything"),
            ("RATE_LIMIT_PROFILE", "none"),
            ("RATE_LIMIT_LOGIN", "ten"),
            ("GATEWAY_ROUTES", "route GET"),
            ("EVENT_SERVICE_URL", "event-service:8082"),
            ("MAX_HEAD_BYTES", "100"),
        ] {
            let error = config(&[(variable, value)])
                .err()
                .unwrap_or_else(|| panic!("{variable}={value} is taken"));
            assert_eq!(error.variable, variable, "{error}");
        }
    }

    #[test]
    fn a_single_address_is_a_network() {
        let config = config(&[("TRUSTED_PROXIES", "10.0.0.7, 192.168.0.0/16")]).unwrap();
        assert!(config.trusted_proxies[0].contains(&IpAddr::from([10, 0, 0, 7])));
        assert!(!config.trusted_proxies[0].contains(&IpAddr::from([10, 0, 0, 8])));
    }
}
