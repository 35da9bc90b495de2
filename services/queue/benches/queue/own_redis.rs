//! What Redis says of itself.

use redis::{aio::MultiplexedConnection, cmd};
use std::time::Duration;

/// A Redis of the bench's own, so that its time is nobody else's.
pub(crate) struct Observer(MultiplexedConnection);

impl Observer {
    pub(crate) async fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self(
            redis::Client::open(url)?.get_multiplexed_async_connection().await?,
        ))
    }

    pub(crate) fn connection(&self) -> MultiplexedConnection {
        self.0.clone()
    }

    /// Processor time of its main thread so far.
    pub(crate) async fn busy(&self) -> anyhow::Result<Duration> {
        let info = self.info("cpu").await?;
        let seconds = |name: &str| -> f64 {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
        };
        Ok(Duration::from_secs_f64(
            seconds("used_cpu_user_main_thread") + seconds("used_cpu_sys_main_thread"),
        ))
    }

    /// What all scripts together took since the last reset, as Redis measures them: it answers nobody else meanwhile.
    pub(crate) async fn scripts(&self) -> anyhow::Result<Duration> {
        let stats = self.info("commandstats").await?;
        let line = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:"));
        let micros = line.and_then(|line| line.split("usec=").nth(1)?.split(',').next()?.parse().ok());
        Ok(Duration::from_micros(micros.unwrap_or_default()))
    }

    pub(crate) async fn used_memory(&self) -> anyhow::Result<u64> {
        let info = self.info("memory").await?;
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        line.and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| anyhow::anyhow!("INFO memory says nothing"))
    }

    /// Bytes of some keys, all of their elements counted.
    pub(crate) async fn memory_of(&self, keys: &[String]) -> anyhow::Result<u64> {
        let mut sum = 0;
        for key in keys {
            let mut usage = cmd("MEMORY");
            usage.arg("USAGE").arg(key).arg("SAMPLES").arg(0);
            sum += usage
                .query_async::<Option<u64>>(&mut self.connection())
                .await?
                .unwrap_or(0);
        }
        Ok(sum)
    }

    pub(crate) async fn flush(&self) -> anyhow::Result<()> {
        cmd("FLUSHDB").exec_async(&mut self.connection()).await?;
        Ok(())
    }

    async fn info(&self, section: &str) -> anyhow::Result<String> {
        Ok(cmd("INFO").arg(section).query_async(&mut self.connection()).await?)
    }
}
