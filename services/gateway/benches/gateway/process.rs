//! Processes that are measured: pinned to a core, their CPU time and memory read from `/proc`, ended when dropped.

use anyhow::Context;
use std::{
    fs,
    io::{self, Read},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The core that what is measured has for itself.
const TARGET_CORE: &str = "0";
/// The core of everything else: load, upstream, Redis.
const OTHER_CORE: &str = "1";

/// A process of ours, ended when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a program on the core of what is measured.
    pub(crate) fn measured(command: &Command) -> anyhow::Result<Self> {
        Self::on_core(TARGET_CORE, command)
    }

    /// Starts a program on the other core.
    pub(crate) fn beside(command: &Command) -> anyhow::Result<Self> {
        Self::on_core(OTHER_CORE, command)
    }

    /// `taskset` becomes the program, so that the process id is the program's own. What it writes is read and thrown away,
    /// as a log collector would read it; errors are shown.
    fn on_core(core: &str, command: &Command) -> anyhow::Result<Self> {
        let mut pinned = Command::new("taskset");
        pinned
            .args(["--cpu-list", core])
            .arg(command.get_program())
            .args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            pinned.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                pinned.env(name, value);
            }
        }
        let mut child = pinned
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        if let Some(mut output) = child.stdout.take() {
            thread::spawn(move || {
                let mut chunk = vec![0; 64 * 1024];
                while output.read(&mut chunk).is_ok_and(|bytes| bytes > 0) {}
            });
        }
        Ok(Self { child })
    }

    /// CPU time of the process and its children so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        tree(self.child.id()).into_iter().map(cpu_time_of).sum()
    }

    /// Memory that the process and its children hold, in MiB. Pages they share count for one of them.
    pub(crate) fn memory(&self) -> f64 {
        let kilobytes: f64 = tree(self.child.id())
            .into_iter()
            .map(|pid| proportional_kilobytes(pid).unwrap_or_default())
            .sum();
        kilobytes / 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM lets nginx end its workers; who does not listen is killed.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(if asked.is_ok() { 3 } else { 0 });
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Moves this process, with all of its threads, off the measured core, and lets it hold thousands of sockets.
pub(crate) fn make_room() -> anyhow::Result<()> {
    let this = std::process::id().to_string();
    quietly(Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", OTHER_CORE, &this]))
        .context("two cores and `taskset` (util-linux) are needed")?;
    quietly(Command::new("prlimit").args(["--nofile=16384:", "--pid", &this]))
        .context("`prlimit` (util-linux) could not raise the limit of open files")
}

fn quietly(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    anyhow::ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn tree(root: u32) -> Vec<u32> {
    let mut pids = vec![root];
    let mut next = 0;
    while let Some(&pid) = pids.get(next) {
        let threads = fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            pids.extend(
                children
                    .split_whitespace()
                    .filter_map(|child| child.parse::<u32>().ok()),
            );
        }
        next += 1;
    }
    pids
}

/// The scheduler's own account in nanoseconds, summed over the threads: what utime and stime round to ticks of 10 ms.
fn cpu_time_of(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let nanos = threads.filter_map(|thread| first_number(&thread.path().join("schedstat")));
    Duration::from_nanos(nanos.sum())
}

fn first_number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.split_whitespace().next()?.parse().ok()
}

fn proportional_kilobytes(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}
