//! Detached processes: started once, recorded in `.dev/pids/`, stopped only by the recorded pid.
//!
//! A pid alone names no process, for the kernel gives it to another one later. A record therefore also keeps the moment
//! the process began and a word of its command line, and a process which does not show both is not ours to signal.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::workspace::Workspace;

/// How long a process may take to stop by itself before it is killed: services take no drain here, twice their grace of 30 s, and 3 s
/// for the last traces.
const STOP_PATIENCE: Duration = Duration::from_secs(70);

/// How long the system may take to remove a killed process.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// What is known of a process that some earlier or this run started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) pid: u32,
    /// A word that its command line contains.
    marker: String,
    /// When it began, as the system tells it; a reused pid shows another value.
    began: String,
    /// What it was started from. A service is restarted when this would differ today.
    pub(crate) origin: Origin,
}

/// What a process was started from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Path, length and modification time of the binary.
    pub(crate) binary: String,
    /// The variables given to it.
    pub(crate) env: BTreeMap<String, String>,
}

/// Signals with which servers are asked to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signal {
    /// The usual request; for PostgreSQL it would wait for all clients to leave.
    Term,
    /// PostgreSQL's fast shutdown.
    Int,
}

/// Starts a command that outlives this program, with its output appended to its log, and records it.
pub(crate) fn start(
    workspace: &Workspace,
    name: &str,
    command: &mut Command,
    marker: &str,
    origin: Origin,
) -> Result<u32> {
    let log_path = workspace.log(name);
    let log = File::options()
        .create(true)
        .append(true)
        .open(&log_path)
        .with_context(|| format!("cannot open {}", log_path.display()))?;
    // A group of its own: Ctrl-C in the terminal must not reach it.
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {name} ({:?})", command.get_program()))?;
    let pid = child.id();
    let began = began(pid).with_context(|| format!("{name} ended at once, see {}", log_path.display()))?;
    let record = Record {
        pid,
        marker: marker.to_owned(),
        began,
        origin,
    };
    fs::write(record_path(workspace, name), serde_json::to_vec_pretty(&record)?)?;
    Ok(pid)
}

/// The record of a process that still runs and is still ours.
pub(crate) fn running(workspace: &Workspace, name: &str) -> Option<Record> {
    let record: Record = serde_json::from_slice(&fs::read(record_path(workspace, name)).ok()?).ok()?;
    is_ours(&record).then_some(record)
}

/// Whether a recorded process is gone without having been stopped by us.
pub(crate) fn died(workspace: &Workspace, name: &str) -> bool {
    record_path(workspace, name).exists() && running(workspace, name).is_none()
}

/// Tries to start things again when a process that was taken for running turns out to be dying just then.
pub(crate) async fn start_until_alive<F>(workspace: &Workspace, names: &[&str], mut start: F) -> Result<()>
where
    F: AsyncFnMut() -> Result<()>,
{
    for _ in 0..2 {
        match start().await {
            Err(_) if names.iter().any(|name| died(workspace, name)) => {
                // A killed PostgreSQL needs a moment until its last child is gone.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            outcome => return outcome,
        }
    }
    start().await
}

/// Stops recorded processes, all at once, and forgets them. Returns the names of those that ran.
pub(crate) fn stop_all<'a>(workspace: &Workspace, names: &[&'a str], signal: Signal) -> Result<Vec<&'a str>> {
    let found: Vec<_> = names
        .iter()
        .filter_map(|&name| Some((name, running(workspace, name)?)))
        .collect();
    let polite = match signal {
        Signal::Term => "TERM",
        Signal::Int => "INT",
    };
    for (_, record) in &found {
        kill(record.pid, polite)?;
    }
    let began = Instant::now();
    for (name, record) in &found {
        if !ends_within(record, STOP_PATIENCE.saturating_sub(began.elapsed())) {
            eprintln!("{name} (pid {}) does not stop, killing it", record.pid);
            kill(record.pid, "KILL")?;
            ensure!(
                ends_within(record, KILL_PATIENCE),
                "{name} (pid {}) cannot be stopped",
                record.pid
            );
        }
    }
    for name in names {
        match fs::remove_file(record_path(workspace, name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(found.into_iter().map(|(name, _)| name).collect())
}

/// Waits for a started server to answer, and says where to look when it ends or never does.
pub(crate) async fn wait_until<F>(workspace: &Workspace, name: &str, patience: Duration, mut answers: F) -> Result<()>
where
    F: AsyncFnMut() -> Result<()>,
{
    let began = Instant::now();
    loop {
        let error = match answers().await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let ended = died(workspace, name);
        if ended || began.elapsed() > patience {
            let what = if ended { "ended" } else { "did not become ready" };
            let log = workspace.log(name);
            bail!(
                "{name} {what}: {error:#}\nthe end of {}:\n{}",
                log.display(),
                last_lines(&log, 15)
            );
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The exit code of a command that was run for the caller, who may tell findings from failures by it. One that a signal ended has failed.
pub(crate) fn code_of(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The last lines of a log, for an error message.
pub(crate) fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn record_path(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.dev().join("pids").join(format!("{name}.json"))
}

/// The command line is not asked here: a process loses it a moment before it closes its sockets.
fn ends_within(record: &Record, patience: Duration) -> bool {
    let asked = Instant::now();
    loop {
        if began(record.pid).is_none_or(|began| began != record.began) {
            return true;
        }
        if asked.elapsed() >= patience {
            return false;
        }
        sleep(Duration::from_millis(10));
    }
}

/// `kill` of the shell: it exists everywhere, also where procps is not installed.
fn kill(pid: u32, signal: &str) -> Result<()> {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {pid} 2>/dev/null || true")])
        .status()?;
    anyhow::ensure!(status.success(), "cannot signal pid {pid}");
    Ok(())
}

fn is_ours(record: &Record) -> bool {
    began(record.pid).is_some_and(|began| began == record.began)
        && command_line(record.pid).is_some_and(|line| line.contains(&record.marker))
}

/// When a process began, or nothing if it is gone or only waits to be reaped.
fn began(pid: u32) -> Option<String> {
    if !Path::new("/proc/self/stat").exists() {
        return ps(pid, "lstart=").filter(|text| !text.is_empty());
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain blanks; fields are counted from behind it: state is the 3rd, start the 22nd.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let ticks = fields.nth(18)?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    (state != "Z" && state != "X").then(|| format!("{ticks} {}", boot.trim()))
}

fn command_line(pid: u32) -> Option<String> {
    if !Path::new("/proc/self/stat").exists() {
        return ps(pid, "command=");
    }
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}

fn ps(pid: u32, column: &str) -> Option<String> {
    let output = Command::new("ps")
        .args(["-o", column, "-p", &pid.to_string()])
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_found_is_passed_on() {
        for (command, code) in [("exit 0", 0), ("exit 1", 1), ("exit 3", 3), ("kill -KILL $$", 1)] {
            let status = Command::new("sh").args(["-c", command]).status().unwrap();
            assert_eq!(code_of(status), code, "{command}");
        }
    }
}
