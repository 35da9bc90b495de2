use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::{Child, Command};
use uuid::Uuid;

/// How long a server may take to start or to stop on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of one server's, gone with it.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ticket-queue-{name}-{}", Uuid::now_v7().simple()));
        fs::create_dir(&folder).expect("a temporary folder can be made");
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The end of the log, for a failure's message.
    pub(super) fn said(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a dying process still writes may stay behind; the folder lies among temporary ones.
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// A process that is killed when dropped.
pub(super) struct Process {
    child: Option<Child>,
}

impl Process {
    /// Starts a server with a new log.
    pub(super) fn start(mut command: Command, folder: &Folder) -> Self {
        let log = File::create(folder.log()).expect("the log can be written");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child: Some(child) }
    }

    /// Whether it has not ended by itself.
    pub(super) fn is_alive(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("a child of ours can be killed");
        }
    }

    /// Sends a signal by its name and waits for the end.
    pub(super) async fn end_with(&mut self, signal: &str) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(id) = child.id() {
            send(signal, id);
        }
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("it does not end after SIG{signal}"))
            .expect("a child of ours can be waited for");
    }

    /// Its number, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }
}

/// Sends a signal by its name. The shell's own `kill` exists everywhere.
pub(super) fn send(signal: &str, process: u32) {
    let sent = std::process::Command::new("sh")
        .args(["-c", &format!("kill -{signal} {process}")])
        .stderr(Stdio::null())
        .status();
    assert!(sent.is_ok(), "there is no shell to send SIG{signal} with");
}
