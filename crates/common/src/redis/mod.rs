//! Redis: a connection that heals itself, to one server or to a cluster, and what its errors mean. [`Line`] is the same for who
//! asks a single server some ten thousand times a second.

mod cluster;
mod line;
mod memory;
mod memory_use;
mod node;
mod resp;
mod slots;

pub use line::{Line, Question};
pub use memory::Memory;
pub use memory_use::MemoryUse;

use crate::config::{ConfigError, Env};
use ::redis::{
    Client, Cmd, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cmd, from_redis_value,
};
use chrono::{DateTime, Utc};
use cluster::Cluster;
use std::time::Duration;

/// No command of ours takes long, so a silent server counts as down after this.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// A multiplexed connection, cheap to clone; commands of all clones travel pipelined on one socket, or on one per master
/// of a cluster. It reconnects by itself, and until then its commands fail at once instead of piling up.
///
/// On a cluster each command goes to the master of its key, so all keys of one command or script must be in one slot. A
/// pipeline may name keys of many: its commands go out at once, each to its master.
#[derive(Clone)]
pub struct Redis(Server);

#[derive(Clone)]
enum Server {
    Single(ConnectionManager),
    Cluster(Cluster),
}

/// Settings of the connection.
#[derive(Clone, Debug)]
pub enum RedisConfig {
    /// `REDIS_URL`, with a database's number.
    Single(String),
    /// `REDIS_CLUSTER_URLS`: some nodes of a cluster, separated by commas, from which the others are found. User and
    /// password of the first are used for all.
    Cluster(Vec<String>),
}

impl RedisConfig {
    /// Reads the settings. `REDIS_CLUSTER_URLS` wins over `REDIS_URL`.
    ///
    /// # Errors
    /// When the address is missing in production, or a cluster's is not usable: a cluster has no numbered databases.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        const CLUSTER: &str = "REDIS_CLUSTER_URLS";
        let Some(urls) = env.optional(CLUSTER) else {
            return Ok(Self::Single(env.address("REDIS_URL", "redis://127.0.0.1:16379/0")?));
        };
        let seeds: Vec<String> = urls.split(',').map(|url| url.trim().to_owned()).collect();
        for seed in &seeds {
            // The address is not repeated: it may have a password in it.
            let info = seed
                .as_str()
                .into_connection_info()
                .map_err(|_| ConfigError::new(CLUSTER, "is not `redis://host:port`, or several with commas between"))?;
            if info.redis_settings().db() != 0 {
                return Err(ConfigError::new(
                    CLUSTER,
                    "names a database, and a cluster has only number 0",
                ));
            }
        }
        Ok(Self::Cluster(seeds))
    }
}

/// A connection that is made when first used, so that a service starts while Redis is still down.
///
/// # Errors
/// When the address cannot be read.
pub fn connect(config: &RedisConfig) -> RedisResult<Redis> {
    Ok(Redis(match config {
        RedisConfig::Single(url) => Server::Single(managed(Client::open(url.as_str())?)?),
        RedisConfig::Cluster(urls) => {
            let seeds = urls.iter().map(|url| url.as_str().into_connection_info());
            Server::Cluster(Cluster::new(&seeds.collect::<RedisResult<Vec<ConnectionInfo>>>()?)?)
        }
    }))
}

fn managed(client: Client) -> RedisResult<ConnectionManager> {
    let manager = ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECTION_TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(200));
    ConnectionManager::new_lazy_with_config(client, manager)
}

impl ConnectionLike for Redis {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match &mut self.0 {
            Server::Single(connection) => connection.req_packed_command(cmd),
            Server::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.0 {
            Server::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Server::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.0 {
            Server::Single(connection) => connection.get_db(),
            Server::Cluster(cluster) => cluster.get_db(),
        }
    }
}

impl Redis {
    /// Whether it is a cluster, of which a part may be away.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(self.0, Server::Cluster(_))
    }

    /// Redis' time. On a cluster, that of the first master that answers; scripts have their own master's.
    ///
    /// # Errors
    /// When Redis does not tell.
    pub async fn now(&self) -> RedisResult<DateTime<Utc>> {
        time(cmd("TIME").query_async(&mut self.clone()).await?)
    }
}

fn time(reply: Value) -> RedisResult<DateTime<Utc>> {
    let (seconds, micros): (i64, i64) = from_redis_value(reply)?;
    DateTime::from_timestamp_micros(seconds.saturating_mul(1_000_000).saturating_add(micros))
        .ok_or_else(|| RedisError::from((ErrorKind::UnexpectedReturnType, "TIME is out of range")))
}

/// What was done to several copies: those that cannot be reached are passed over as long as one can.
///
/// # Errors
/// When no copy could be reached, or something is wrong with one that could.
pub fn where_reachable<T>(results: Vec<RedisResult<T>>) -> RedisResult<Vec<T>> {
    let (mut done, mut away) = (Vec::new(), None);
    for result in results {
        match result {
            Ok(value) => done.push(value),
            Err(error) if is_unavailable(&error) => away = Some(error),
            Err(error) => return Err(error),
        }
    }
    match away {
        Some(error) if done.is_empty() => Err(error),
        _ => Ok(done),
    }
}

/// Whether the error means that Redis cannot serve right now, so that the same call may succeed later.
#[must_use]
pub fn is_unavailable(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.is_timeout()
        // The nodes of a cluster do not agree, or miss one of theirs.
        || error.is_cluster_error()
        || matches!(
            error.kind(),
            ErrorKind::ClusterConnectionNotFound
                | ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown)
        )
        || refuses_writes(error)
}

/// Whether the error comes from a Redis that was asked to write and can still be read: it is a replica, is at its memory limit
/// (`noeviction`), cannot save because its disk is full, or misses replicas that it demands.
#[must_use]
pub fn refuses_writes(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || matches!(error.code(), Some("OOM" | "MISCONF" | "NOREPLICAS"))
}
