//! The same servers as containers of docker-compose.yml.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::ports::Ports;
use crate::workspace::{Workspace, run, run_quietly};

const SERVICES: [&str; 4] = ["postgres", "redis", "kafka", "s3"];

/// Whether a Docker engine, and not only its client, answers in time.
pub(super) fn answers() -> bool {
    let mut info = Command::new("docker");
    info.arg("info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = info.spawn() else { return false };
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Starts the containers and waits until they are healthy.
pub(super) fn up(workspace: &Workspace, ports: &Ports) -> Result<()> {
    run(compose(workspace, ports)
        .args(["up", "--detach", "--wait"])
        .args(SERVICES))?;
    Ok(std::fs::write(
        workspace.dev().join("docker"),
        "docker-compose.yml runs the infrastructure\n",
    )?)
}

/// Stops the containers if they are what this folder started; their volumes stay.
pub(super) fn down(workspace: &Workspace, ports: &Ports) -> Result<()> {
    let note = workspace.dev().join("docker");
    if !note.exists() {
        return Ok(());
    }
    run_quietly(compose(workspace, ports).arg("stop").args(SERVICES))?;
    say!("stopped the containers of docker-compose.yml");
    Ok(std::fs::remove_file(note)?)
}

fn compose(workspace: &Workspace, ports: &Ports) -> Command {
    let mut command = Command::new("docker");
    command.current_dir(workspace.root()).arg("compose");
    if *ports != Ports::default() {
        // Beside another system: containers and volumes of its own.
        command.args(["--project-name", &format!("ticket-queue-{}", ports.services[0])]);
    }
    command.env("POSTGRES_PORT", ports.postgres.to_string());
    command.env("REDIS_PORT", ports.redis.to_string());
    command.env("KAFKA_PORT", ports.kafka.to_string());
    command.env("S3_PORT", ports.s3.to_string());
    command
}
