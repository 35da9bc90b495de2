use super::{
    Missing, on_path,
    process::{Folder, PATIENCE, Process, send},
};
use crate::{connect_redis, eventually, free_port};
use std::{fs, path::PathBuf};
use tokio::process::Command;

/// A Redis of the test's own, with the settings of the real ones: append-only file, synced every second.
pub struct OwnRedis {
    process: Process,
    program: PathBuf,
    port: u16,
    folder: Folder,
    /// Arguments besides those that every server has.
    extra: Vec<String>,
}

/// A moment up to which the append-only file is kept.
#[derive(Clone, Copy, Debug)]
pub struct AofMark(u64);

impl OwnRedis {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no `redis-server`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Result<Self, Missing> {
        Self::start_with(Vec::new()).await
    }

    /// Starts it with further arguments.
    pub(super) async fn start_with(extra: Vec<String>) -> Result<Self, Missing> {
        let program = on_path("redis-server")?;
        let (folder, port) = (Folder::new("redis"), free_port());
        let mut redis = Self {
            process: launch(&program, &folder, port, &extra),
            program,
            port,
            folder,
            extra,
        };
        redis.wait_ready().await;
        Ok(redis)
    }

    /// Its address, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// A connection to exactly this server.
    ///
    /// # Panics
    /// When it cannot be reached.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        connect_redis(&self.url()).await
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// SIGSTOP: connections stay open and nothing is answered, as of a machine that hangs.
    pub fn freeze(&self) {
        self.process.id().into_iter().for_each(|id| send("STOP", id));
    }

    /// Ends [`OwnRedis::freeze`].
    pub fn thaw(&self) {
        self.process.id().into_iter().for_each(|id| send("CONT", id));
    }

    /// Starts the killed server again with what it had written.
    pub async fn restart(&mut self) {
        self.process = launch(&self.program, &self.folder, self.port, &self.extra);
        self.wait_ready().await;
    }

    /// Starts the killed server again without anything.
    ///
    /// # Panics
    /// When its file cannot be removed.
    pub async fn restart_empty(&mut self) {
        fs::remove_dir_all(self.folder.path().join("appendonlydir")).expect("the append-only file can be removed");
        self.restart().await;
    }

    /// Marks this moment: what is written from now on can be lost with [`OwnRedis::restart_as_of`], as a machine that
    /// loses power loses what was not synced yet.
    #[must_use]
    pub fn mark(&self) -> AofMark {
        let file = self.appended();
        AofMark(fs::metadata(&file).expect("the append-only file is there").len())
    }

    /// Starts the killed server again with what it had written up to the mark.
    ///
    /// # Panics
    /// When its file cannot be cut.
    pub async fn restart_as_of(&mut self, mark: AofMark) {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(self.appended())
            .expect("the append-only file can be opened");
        file.set_len(mark.0).expect("the append-only file can be cut");
        self.restart().await;
    }

    /// The part of the append-only file that is written to. A server this small never rewrites it.
    fn appended(&self) -> PathBuf {
        self.folder.path().join("appendonlydir/appendonly.aof.1.incr.aof")
    }

    async fn wait_ready(&mut self) {
        let client = redis::Client::open(self.url()).expect("a usable Redis address");
        let (process, folder) = (&mut self.process, &self.folder);
        eventually("Redis answers", PATIENCE, || {
            assert!(process.is_alive(), "Redis has ended: {}", folder.said());
            let client = client.clone();
            async move {
                let mut redis = client.get_multiplexed_async_connection().await.ok()?;
                redis::cmd("PING").query_async::<String>(&mut redis).await.ok()
            }
        })
        .await;
    }
}

fn launch(program: &PathBuf, folder: &Folder, port: u16, extra: &[String]) -> Process {
    let mut command = Command::new(program);
    command
        .arg("--dir")
        .arg(folder.path())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--databases", "512", "--save", "", "--daemonize", "no"])
        .args(["--appendonly", "yes", "--appendfsync", "everysec"])
        .args(["--maxmemory-policy", "noeviction"])
        .args(extra);
    Process::start(command, folder)
}
