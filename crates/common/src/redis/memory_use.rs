//! How full Redis is: at its limit (`noeviction`) it refuses to write, so that nobody enters and nobody holds.

use super::{Redis, Server};
use crate::{gauges, lifecycle::Shutdown};
use ::redis::{RedisResult, cmd, from_redis_value};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(10);
/// There is one, and its address may hold a password.
const SINGLE: &str = "single";

/// What one master holds, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// `host:port` of a cluster's master, or `single`.
    pub node: String,
    /// What it holds.
    pub used: u64,
    /// What it may hold; nothing where it has no limit.
    pub max: Option<u64>,
}

impl MemoryUse {
    fn read(node: String, info: &str) -> Option<Self> {
        let number = |name| {
            let text = info.lines().find_map(|line| line.strip_prefix(name))?;
            text.trim().parse::<u64>().ok()
        };
        Some(Self {
            node,
            used: number("used_memory:")?,
            max: number("maxmemory:").filter(|max| *max > 0),
        })
    }
}

impl Redis {
    /// What each master holds. On a cluster those that do not answer are left out.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn memory_use(&self) -> RedisResult<Vec<MemoryUse>> {
        let mut question = cmd("INFO");
        question.arg("memory");
        let infos: Vec<(String, String)> = match &self.0 {
            Server::Single(connection) => {
                let info = question.query_async(&mut connection.clone()).await?;
                vec![(SINGLE.to_owned(), info)]
            }
            Server::Cluster(cluster) => {
                let answers = cluster.ask_each(&question).await?.into_iter();
                let infos = answers.map(|(node, info)| Ok((node, from_redis_value(info)?)));
                infos.collect::<RedisResult<_>>()?
            }
        };
        Ok(infos
            .into_iter()
            .filter_map(|(node, info)| MemoryUse::read(node, &info))
            .collect())
    }

    /// A worker that shows it. One service does, since all use the same Redis. Masters that are away or are masters no more
    /// are shown no more.
    pub async fn measure_memory(self, shutdown: Shutdown) {
        while !shutdown.is_cancelled() {
            // Whoever uses Redis logs that it is away.
            show(&self.memory_use().await.unwrap_or_default());
            shutdown.sleep(EVERY).await;
        }
        show(&[]);
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody reads single bytes of petabytes")]
fn show(nodes: &[MemoryUse]) {
    let series = |node: &MemoryUse, bytes: u64| (vec![("node", node.node.clone())], bytes as f64);
    let used = nodes.iter().map(|node| series(node, node.used));
    gauges::replace("redis_memory_used_bytes", &[], used.collect());
    let max = nodes.iter().filter_map(|node| Some(series(node, node.max?)));
    gauges::replace("redis_memory_max_bytes", &[], max.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_of_its_memory_is_read() {
        let info = "# Memory\r\nused_memory:1048576\r\nused_memory_human:1M\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\n";
        let read = |info: &str| MemoryUse::read("a:1".to_owned(), info);
        let unlimited = MemoryUse {
            node: "a:1".to_owned(),
            used: 1_048_576,
            max: None,
        };
        assert_eq!(read(info), Some(unlimited.clone()));
        let limited = info.replace("maxmemory:0", "maxmemory:2097152");
        assert_eq!(
            read(&limited),
            Some(MemoryUse {
                max: Some(2_097_152),
                ..unlimited
            })
        );
        assert_eq!(read("nonsense"), None);
    }
}
