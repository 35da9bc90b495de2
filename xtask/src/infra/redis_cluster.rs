//! Three Redis masters that form a cluster, for `up --redis-cluster`. They have no replicas: one that is killed takes its
//! slots' keys away until `up` starts it again, and the others serve theirs meanwhile.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::{START_PATIENCE, Started, ensure_free, is_taken, local, tools};
use crate::ports::Ports;
use crate::process::{self, Origin};
use crate::workspace::Workspace;

pub(super) const NAMES: [&str; 3] = ["redis-cluster-1", "redis-cluster-2", "redis-cluster-3"];

/// The slots of the three.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// Starts those that do not run and waits until the three serve all slots together.
pub(super) async fn up(workspace: &Workspace, ports: &Ports) -> Result<()> {
    tools::ensure(&[tools::REDIS])?;
    for (index, name) in NAMES.into_iter().enumerate() {
        start(workspace, ports, name, index).await?;
    }
    for (name, port) in NAMES.into_iter().zip(ports.redis_cluster) {
        let answers = async || ask(port, "PING").map(drop);
        process::wait_until(workspace, name, START_PATIENCE, answers).await?;
    }
    let formed = ask(ports.redis_cluster[0], "CLUSTER INFO")?;
    if !formed.lines().any(|line| line.trim() == "cluster_slots_assigned:16384") {
        form(ports)?;
    }
    for (name, port) in NAMES.into_iter().zip(ports.redis_cluster) {
        process::wait_until(workspace, name, START_PATIENCE, async || probe(port)).await?;
    }
    Ok(())
}

async fn start(workspace: &Workspace, ports: &Ports, name: &str, index: usize) -> Result<Started> {
    if process::running(workspace, name).is_some() {
        return Ok(Started::Before);
    }
    let (port, bus) = (ports.redis_cluster[index], ports.redis_cluster_bus[index]);
    for port in [port, bus] {
        if is_taken(port) {
            ensure_free(port, "Redis Cluster", &anyhow::anyhow!("this folder did not start it"))?;
        }
    }
    let data = workspace.dev().join(name);
    fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
    let program = tools::find("redis-server").context("redis-server was just found")?;
    let mut command = Command::new(program);
    command.arg("--dir").arg(&data).args(["--bind", "127.0.0.1"]);
    command.args(["--port", &port.to_string(), "--cluster-port", &bus.to_string()]);
    command.args(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]);
    // A machine that is busy for some seconds has no dead master, and two masters serve without the third.
    command.args([
        "--cluster-node-timeout",
        "5000",
        "--cluster-require-full-coverage",
        "no",
    ]);
    command.args(["--appendonly", "yes", "--appendfsync", "everysec"]);
    command.args(["--maxmemory-policy", "noeviction", "--save", "", "--daemonize", "no"]);
    process::start(workspace, name, &mut command, "redis-server", Origin::default())?;
    Ok(Started::Now)
}

/// Shares the slots out and makes the three known to one another.
fn form(ports: &Ports) -> Result<()> {
    let [first, ..] = ports.redis_cluster;
    for (index, (port, (from, to))) in ports.redis_cluster.into_iter().zip(SLOTS).enumerate() {
        ask(port, &format!("CLUSTER ADDSLOTSRANGE {from} {to}"))?;
        ask(port, &format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1))?;
    }
    for port in ports.redis_cluster.into_iter().skip(1) {
        let bus = ports.redis_cluster_bus[0];
        ask(port, &format!("CLUSTER MEET 127.0.0.1 {first} {bus}"))?;
    }
    Ok(())
}

/// Whether this master serves, and knows who serves the other slots.
pub(super) fn probe(port: u16) -> Result<()> {
    let info = ask(port, "CLUSTER INFO")?;
    for wanted in [
        "cluster_state:ok",
        "cluster_slots_assigned:16384",
        "cluster_slots_fail:0",
    ] {
        ensure!(info.lines().any(|line| line.trim() == wanted), "not yet {wanted}");
    }
    Ok(())
}

/// The answer to a command, a line or a text.
fn ask(port: u16, command: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&local(port), Duration::from_secs(1)).context("no answer")?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(stream, "{command}\r\n")?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", answer)) => Ok(answer.to_owned()),
        Some(("$", length)) => {
            let mut text = vec![0; length.parse()?];
            stream.read_exact(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        }
        _ => bail!("it answers {line:?} to {command}"),
    }
}
