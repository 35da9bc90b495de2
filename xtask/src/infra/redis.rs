//! Redis 7 from the Debian package, with an append-only file and a database for each test.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Started, ensure_free, local, tools};
use crate::ports::Ports;
use crate::process::{self, Origin};
use crate::workspace::Workspace;

pub(super) const NAME: &str = "redis";

/// Tests take a database each; Redis has only 16 unless told otherwise.
const DATABASES: u16 = 512;

pub(super) async fn start(workspace: &Workspace, ports: &Ports) -> Result<Started> {
    if process::running(workspace, NAME).is_some() {
        return Ok(Started::Now);
    }
    match probe(ports.redis) {
        Ok(()) => return Ok(Started::Before),
        Err(reason) => ensure_free(ports.redis, "Redis", &reason)?,
    }
    tools::ensure(&[tools::REDIS])?;
    let data = workspace.dev().join("redis");
    fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
    let program = tools::find("redis-server").context("redis-server was just found")?;
    let port = ports.redis.to_string();
    let databases = DATABASES.to_string();
    let mut command = Command::new(program);
    command
        .arg("--dir")
        .arg(&data)
        .args(["--port", &port, "--bind", "127.0.0.1", "--databases", &databases]);
    // A seat hold must survive a restart, and must never be evicted to make room.
    command.args([
        "--appendonly",
        "yes",
        "--appendfsync",
        "everysec",
        "--maxmemory-policy",
        "noeviction",
    ]);
    command.args(["--save", "", "--daemonize", "no"]);
    // Redis rewrites its command line to its name, address and port.
    process::start(workspace, NAME, &mut command, "redis-server", Origin::default())?;
    Ok(Started::Now)
}

/// The version of the Redis at a URL.
pub(super) fn version(url: &str) -> Option<String> {
    let mut stream = TcpStream::connect(url.trim_start_matches("redis://")).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(b"INFO server\r\n").ok()?;
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).ok()?;
    let text = String::from_utf8_lossy(&answer[..length]).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("redis_version:"))?;
    Some(line.trim().to_owned())
}

/// Whether a Redis with our number of databases answers.
pub(super) fn probe(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&local(port), Duration::from_secs(1)).context("no answer")?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    // The highest database exists only where there are enough of them; this also fails while Redis still loads its file.
    write!(stream, "SELECT {}\r\nPING\r\n", DATABASES - 1)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 256];
    while answer.iter().filter(|&&byte| byte == b'\n').count() < 2 {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "the connection was closed");
        answer.extend_from_slice(&buffer[..count]);
    }
    let answer = String::from_utf8_lossy(&answer);
    ensure!(
        answer == "+OK\r\n+PONG\r\n",
        "it answers {:?}",
        answer.lines().next().unwrap_or_default()
    );
    Ok(())
}
