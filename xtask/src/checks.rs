//! `cargo xtask test` and `cargo xtask check`.

use anyhow::Result;

use crate::infra;
use crate::ports::Ports;
use crate::services;
use crate::sqlx;
use crate::workspace::{Workspace, run};

/// Runs the tests against running infrastructure. `arguments` are passed on to `cargo test`.
pub(crate) async fn test(workspace: &Workspace, ports: &Ports, arguments: &[String]) -> Result<()> {
    let infra = {
        let _lock = workspace.lock()?;
        infra::up(workspace, ports).await?
    };
    let selected = arguments
        .iter()
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
    let mut cargo = workspace.cargo();
    // One failing program must not hide what the others would say.
    cargo.args(["test", "--no-fail-fast"]);
    if !selected {
        cargo.arg("--workspace");
    }
    // The system's tests start, kill and restart whole services, so these must be as new as the tests.
    if !selected || arguments.iter().any(|argument| argument.ends_with("system-tests")) {
        services::build(workspace, false)?;
    }
    cargo.args(arguments);
    cargo.env("TICKET_QUEUE_POSTGRES_URL", infra.database_url("postgres"));
    cargo.env("TICKET_QUEUE_REDIS_URL", &infra.redis);
    cargo.env("TICKET_QUEUE_KAFKA", &infra.kafka);
    cargo.env("TICKET_QUEUE_BIN_DIR", workspace.binaries(false)?);
    let programs = infra::programs(workspace);
    if programs.len() < 2 {
        say!("without PostgreSQL's and Kafka's programs, the tests that kill them are left out");
    }
    cargo.envs(programs);
    run(&mut cargo)
}

/// What a change must pass besides the tests: format, documented settings, statements checked against the schema, lints.
pub(crate) async fn check(workspace: &Workspace, ports: &Ports) -> Result<()> {
    say!("format");
    run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    say!("settings");
    crate::settings::check(workspace)?;
    say!("statements and lints");
    sqlx::prepare(workspace, ports, sqlx::Mode::Check).await
}
