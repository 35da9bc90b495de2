//! Benches of the whole system: the load is a program of `crates/load`, the system is brought up for it as an on-sale is, and
//! is afterwards as it was before.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::report::FILE;
use crate::infra::Infra;
use crate::ports::Ports;
use crate::services::{self, Environment, Tenancy, UNITS, Wanted};
use crate::workspace::{Workspace, run as run_command};

/// What differs from the services' defaults: all buyers come from one address here, and a line of the log per request would be
/// written tens of thousands of times.
const SETTINGS: [(&str, &str); 3] = [
    ("RATE_LIMIT_PROFILE", "loadtest"),
    ("MAX_CONNECTIONS_PER_ADDRESS", "20000"),
    ("LOG_LEVEL", "warn"),
];

/// Runs a load against the optimised system of this folder.
pub(super) async fn run(
    workspace: &Workspace,
    ports: &Ports,
    infra: &Infra,
    load: &str,
    quick: bool,
    report: &Path,
) -> Result<()> {
    let _lock = workspace.lock()?;
    let before = services::running(workspace);
    let settings = SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let wanted = Wanted {
        release: true,
        env: BTreeMap::from(settings),
        replicas: BTreeMap::new(),
    };
    services::build_with(workspace, true, &["load"])?;
    // Fresh processes: what they have before the load is what they have when idle.
    services::stop(workspace)?;
    let outcome = measure(workspace, ports, infra, &wanted, load, quick, report).await;
    match before {
        Some(before) => drop(services::up(workspace, ports, infra, &before).await?),
        None => drop(services::stop(workspace)?),
    }
    outcome
}

async fn measure(
    workspace: &Workspace,
    ports: &Ports,
    infra: &Infra,
    wanted: &Wanted,
    load: &str,
    quick: bool,
    report: &Path,
) -> Result<()> {
    services::up(workspace, ports, infra, wanted).await?;
    let tenancy = Tenancy::claim(workspace, infra).await?;
    let environment = Environment::new(workspace, ports, infra, &tenancy, wanted);
    let [_, user_service, ..] = UNITS;
    let mut command = Command::new(workspace.binaries(true)?.join(load));
    // Accounts and tokens are made as the user service makes them.
    command.envs(environment.of(user_service)).env(FILE, report);
    command.arg("--state").arg(workspace.dev().join("state.json"));
    if quick {
        command.arg("--quick");
    }
    run_command(&mut command)
}
