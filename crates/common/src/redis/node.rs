use super::{
    cluster::nobody,
    slots::{Owned, read_layout},
};
use ::redis::{
    Client, Cmd, ConnectionAddr, IntoConnectionInfo, Pipeline, RedisConnectionInfo, RedisError, RedisResult, Value,
    aio::{ConnectionLike, ConnectionManager},
    cmd,
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// How long several nodes are asked the same at once.
pub(super) const ASKING_AROUND: Duration = Duration::from_millis(500);
/// How long a master is waited for that was silent the last time.
const SILENT: Duration = Duration::from_millis(100);
/// Whoever gave up waiting after this long met a silent master, too. The gateway gives up before our own limit.
const LONG_WAIT: Duration = Duration::from_millis(250);

/// One server of a cluster, with a connection of its own.
pub(super) struct Node {
    pub(super) host: String,
    pub(super) port: u16,
    connection: ConnectionManager,
    /// Whether the last command had no answer.
    silent: AtomicBool,
}

impl Node {
    pub(super) fn open(host: &str, port: u16, settings: &RedisConnectionInfo) -> RedisResult<Arc<Self>> {
        let info = ConnectionAddr::Tcp(host.to_owned(), port).into_connection_info()?;
        let client = Client::open(info.set_redis_settings(settings.clone()))?;
        Ok(Arc::new(Self {
            host: host.to_owned(),
            port,
            connection: super::managed(client)?,
            silent: AtomicBool::new(false),
        }))
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    pub(super) async fn send(&self, command: &Cmd, asking: bool) -> RedisResult<Value> {
        if asking {
            // In one piece, because other commands share the connection.
            let mut both = Pipeline::with_capacity(2);
            both.cmd("ASKING").add_command(command.clone());
            let mut replies = self.send_all(&both, super::RESPONSE_TIMEOUT).await?;
            return replies.pop().unwrap_or_default().extract_error();
        }
        let reply = async { self.connection.clone().req_packed_command(command).await };
        self.listen(super::RESPONSE_TIMEOUT, reply).await?.extract_error()
    }

    pub(super) async fn send_all(&self, commands: &Pipeline, limit: Duration) -> RedisResult<Vec<Value>> {
        let reply = async {
            self.connection
                .clone()
                .req_packed_commands(commands, 0, commands.len())
                .await
        };
        self.listen(limit, reply).await
    }

    pub(super) async fn ask_layout(&self) -> RedisResult<Vec<Owned>> {
        let mut question = cmd("CLUSTER");
        question.arg("SLOTS");
        let layout = self.send_briefly(&question).await?;
        let ranges = read_layout(layout, &self.host)?;
        if ranges.is_empty() {
            // A node that was never made a member, or has forgotten it.
            return Err(nobody());
        }
        Ok(ranges)
    }

    /// Sends a command that any node can answer, and waits no longer than another would take.
    pub(super) async fn send_briefly(&self, command: &Cmd) -> RedisResult<Value> {
        let reply = async { self.connection.clone().req_packed_command(command).await };
        self.listen(ASKING_AROUND, reply).await?.extract_error()
    }

    /// Waits for a reply no longer than the node deserves, and notes whether it came.
    async fn listen<T>(&self, limit: Duration, reply: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let limit = if self.is_silent() { limit.min(SILENT) } else { limit };
        let mut waiting = Waiting {
            node: self,
            since: Instant::now(),
            over: false,
        };
        let result = match timeout(limit, reply).await {
            Ok(result) => result,
            Err(_) => Err(RedisError::from(io::Error::from(io::ErrorKind::TimedOut))),
        };
        waiting.over = true;
        self.note(
            result
                .as_ref()
                .is_err_and(|error| error.is_io_error() || error.is_timeout()),
        );
        result
    }

    fn note(&self, silent: bool) {
        if self.silent.swap(silent, Ordering::Relaxed) == silent {
            return;
        }
        let address = format_args!("{}:{}", self.host, self.port);
        if silent {
            tracing::warn!(redis.node = %address, "a node of the Redis cluster does not answer");
        } else {
            tracing::info!(redis.node = %address, "a node of the Redis cluster answers again");
        }
    }
}

/// Somebody who waits for a node's reply, and may stop before it comes.
struct Waiting<'a> {
    node: &'a Node,
    since: Instant,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over && self.since.elapsed() >= LONG_WAIT {
            self.node.note(true);
        }
    }
}
