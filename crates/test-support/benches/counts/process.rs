//! Programs that are counted: release builds, started as in production but for what their environment says.

use crate::cases::Case;
use anyhow::{Context, ensure};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Under valgrind, on a busy machine.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// A program and what is asked of it.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) settings: HashMap<String, String>,
    pub(crate) cases: Vec<Case>,
}

/// A running program, killed when dropped.
pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    /// Its `HOST`.
    pub(crate) host: String,
    child: Child,
}

impl Program {
    /// Starts it, with the words of a tool before its name, and waits until it is ready.
    pub(crate) async fn start(&self, tool: &[String]) -> anyhow::Result<Started> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut words = tool.to_vec();
        words.push(self.file.display().to_string());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .envs(&self.settings)
            .env("PORT", port.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| words[0].clone())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let host = self.settings.get("HOST").cloned().unwrap_or_default();
        let mut started = Started { address, host, child };
        let deadline = Instant::now() + READY_TIMEOUT;
        let ready = format!("http://{address}/health/ready");
        loop {
            if reqwest::get(&ready)
                .await
                .is_ok_and(|reply| reply.status().is_success())
            {
                return Ok(started);
            }
            ensure!(started.child.try_wait()?.is_none(), "{} ended by itself", self.name);
            ensure!(Instant::now() < deadline, "{} is not ready", self.name);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Started {
    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
