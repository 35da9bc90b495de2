//! `cargo xtask test` and `cargo xtask check`.

use std::process::Command;

use anyhow::Result;

use crate::docs;
use crate::infra;
use crate::ports::Ports;
use crate::services;
use crate::sqlx;
use crate::suites;
use crate::workspace::{Workspace, run};

/// Runs the tests against running infrastructure: all of them, or what `arguments` for `cargo test` select.
pub(crate) async fn test(workspace: &Workspace, ports: &Ports, arguments: &[String]) -> Result<()> {
    let infra = {
        let _lock = workspace.lock()?;
        infra::up(workspace, ports).await?
    };
    // The system's tests start, kill and restart whole services, so these must be as new as the tests.
    if arguments.is_empty() || arguments.iter().any(|argument| argument.ends_with("system-tests")) {
        // The one takes as long as the network does, the other as long as the cores do.
        let browser = std::thread::spawn(infra::browser);
        services::build(workspace, false)?;
        if let Ok(Err(error)) = browser.join() {
            say!("without Chromium, the test of the operators' page is left out: {error:#}");
        }
    }
    let programs = infra::programs(workspace);
    if programs.len() < 2 {
        say!("without PostgreSQL's and Kafka's programs, the tests that kill them are left out");
    }
    let binaries = workspace.binaries(false)?;
    let prepare = |command: &mut Command| {
        command
            .env("TICKET_QUEUE_POSTGRES_URL", infra.database_url("postgres"))
            .env("TICKET_QUEUE_REDIS_URL", &infra.redis)
            .env("TICKET_QUEUE_KAFKA", &infra.kafka)
            .env("TICKET_QUEUE_S3_URL", &infra.s3)
            .env("TICKET_QUEUE_BIN_DIR", &binaries)
            .envs(programs.iter().map(|(name, folder)| (name, folder)));
    };
    if arguments.is_empty() {
        return suites::run_all(workspace, &prepare);
    }
    let mut cargo = workspace.cargo();
    // One failing program must not hide what the others would say.
    cargo.args(["test", "--no-fail-fast"]).args(arguments);
    prepare(&mut cargo);
    run(&mut cargo)
}

/// What a change must pass besides the tests: format, what documents name, everything below `infra/`, statements checked against
/// the schema, lints, documented settings and API.
pub(crate) async fn check(workspace: &Workspace, ports: &Ports) -> Result<()> {
    say!("format");
    run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    say!("documents");
    docs::check_written(workspace)?;
    say!("containers, Terraform, workflows");
    run(Command::new("bash").arg("infra/check.sh").current_dir(workspace.root()))?;
    say!("statements and lints");
    sqlx::prepare(workspace, ports, sqlx::Mode::Check).await?;
    say!("settings and API");
    docs::check_made(workspace)
}
