//! Redis: a connection that heals itself, and what its errors mean.

use ::redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, ServerErrorKind,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use std::time::Duration;

/// A multiplexed connection, cheap to clone; commands of all clones travel pipelined on one socket. It reconnects by
/// itself, and until then its commands fail at once instead of piling up.
pub type Redis = ConnectionManager;

/// No command of ours takes long, so a silent server counts as down after this.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// Settings of the connection.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `REDIS_URL`.
    pub url: String,
}

impl RedisConfig {
    /// Reads the settings.
    ///
    /// # Errors
    /// When the address is missing in production.
    pub fn from_env(env: &crate::config::Env) -> Result<Self, crate::config::ConfigError> {
        Ok(Self {
            url: env.address("REDIS_URL", "redis://127.0.0.1:16379/0")?,
        })
    }
}

/// A connection that is made when first used, so that a service starts while Redis is still down.
///
/// # Errors
/// When the address cannot be read.
pub fn connect(config: &RedisConfig) -> RedisResult<Redis> {
    let manager = ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECTION_TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(200));
    ConnectionManager::new_lazy_with_config(Client::open(config.url.as_str())?, manager)
}

/// A connection of its own for commands that block, which must not share a socket with others.
///
/// # Errors
/// When Redis cannot be reached.
pub async fn connect_dedicated(config: &RedisConfig) -> RedisResult<::redis::aio::MultiplexedConnection> {
    let settings = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECTION_TIMEOUT));
    Client::open(config.url.as_str())?
        .get_multiplexed_async_connection_with_config(&settings)
        .await
}

/// Whether the error means that Redis cannot serve right now, so that the same call may succeed later.
#[must_use]
pub fn is_unavailable(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.is_timeout()
        || error.is_cluster_error()
        || matches!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        )
        // `noeviction` at the memory limit refuses writes with OOM until an operator acts.
        || error.code() == Some("OOM")
}
