use super::{
    Missing, folder_of,
    process::{Folder, PATIENCE, Process, send},
};
use crate::free_port;
use sqlx::Connection as _;
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{process::Command, time::Instant};

/// A PostgreSQL of the test's own. It does not sync its files, which only a machine that crashes would notice.
pub struct OwnPostgres {
    process: Process,
    programs: Programs,
    port: u16,
    folder: Folder,
}

/// The server's programs, and who runs them.
struct Programs {
    bin: PathBuf,
    /// The server refuses to run as root; then its programs belong to the one who may run them.
    account: Option<(u32, u32)>,
}

impl OwnPostgres {
    /// Makes a cluster and starts its server.
    ///
    /// # Errors
    /// When its programs are not there.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Result<Self, Missing> {
        let programs = Programs::find()?;
        let (folder, port) = (programs.new_cluster().await, free_port());
        let mut postgres = Self {
            process: launch(&programs, &folder, port),
            programs,
            port,
            folder,
        };
        postgres.wait_ready().await;
        Ok(postgres)
    }

    /// The superuser's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres:postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// SIGKILL for the postmaster. Its children notice and end by themselves a moment later.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// PostgreSQL's immediate shutdown: every connection ends at once, nothing is written any more.
    pub async fn shut_down_at_once(&mut self) {
        self.process.end_with("QUIT").await;
    }

    /// Starts it again; it recovers from its log.
    pub async fn restart(&mut self) {
        self.process = launch(&self.programs, &self.folder, self.port);
        self.wait_ready().await;
    }

    /// Its machine and disk are gone, and a new server without anything in it has its address.
    pub async fn lose(&mut self) {
        self.process.kill().await;
        self.folder = self.programs.new_cluster().await;
        self.restart().await;
    }

    async fn wait_ready(&mut self) {
        let (url, deadline) = (self.url(), Instant::now() + PATIENCE);
        while sqlx::PgConnection::connect(&url).await.is_err() {
            // After a SIGKILL it refuses to start until the last child of the one before is gone.
            if !self.process.is_alive() {
                self.process = launch(&self.programs, &self.folder, self.port);
            }
            assert!(
                Instant::now() < deadline,
                "PostgreSQL does not answer: {}",
                self.folder.said()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for OwnPostgres {
    /// A killed postmaster would leave its shared memory behind, so it is asked to end, and has a moment for it.
    fn drop(&mut self) {
        if let Some(id) = self.process.id() {
            send("QUIT", id);
            let asked = Instant::now();
            while self.process.is_alive() && asked.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

impl Programs {
    fn find() -> Result<Self, Missing> {
        let bin = folder_of("TICKET_QUEUE_POSTGRES_BIN", "postgres")?;
        let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid()));
        // /proc/self belongs to the effective user.
        let root = owner(Path::new("/proc/self")).is_ok_and(|(user, _)| user == 0);
        let unpacked = bin.parent().unwrap_or(&bin);
        let account = owner(unpacked).ok().filter(|_| root);
        if account.is_some_and(|(user, _)| user == 0) {
            return Err(Missing(format!(
                "{} belongs to root, who may not run PostgreSQL",
                unpacked.display()
            )));
        }
        Ok(Self { bin, account })
    }

    /// A folder with a cluster in which nothing is.
    async fn new_cluster(&self) -> Folder {
        let folder = Folder::new("postgres");
        self.own(folder.path());
        let initdb = self
            .command("initdb", &folder)
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"])
            .args(["--locale=C", "--lc-ctype=C.UTF-8", "--locale-provider=builtin"])
            .arg("--builtin-locale=C.UTF-8")
            .output()
            .await
            .expect("initdb can be started");
        assert!(initdb.status.success(), "{initdb:?}");
        folder
    }

    fn command(&self, program: &str, folder: &Folder) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir(folder.path());
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    fn own(&self, path: &Path) {
        if let Some((user, group)) = self.account {
            chown(path, Some(user), Some(group)).expect("root can give a folder away");
        }
    }
}

fn launch(programs: &Programs, folder: &Folder, port: u16) -> Process {
    let mut command = programs.command("postgres", folder);
    command
        .arg("-D")
        .arg(folder.path().join("data"))
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
    for setting in [
        "max_connections=200",
        "shared_buffers=32MB",
        "fsync=off",
        "timezone=UTC",
        "log_timezone=UTC",
    ] {
        command.args(["-c", setting]);
    }
    Process::start(command, folder)
}
