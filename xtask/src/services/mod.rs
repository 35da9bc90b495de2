//! The six services and the simulators: built, started detached, waited for, repaired, stopped.

mod build;
mod environment;
mod health;
mod status;
mod tenancy;
mod ticketctl;
mod unit;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

pub(crate) use self::build::{binary_origin, build};
pub(crate) use self::environment::Environment;
pub(crate) use self::health::{http_client, is_ready};
pub(crate) use self::status::print_status;
pub(crate) use self::tenancy::Tenancy;
pub(crate) use self::ticketctl::Ticketctl;
pub(crate) use self::unit::UNITS;
use self::unit::{GATEWAY, SIMULATORS, Unit};
use crate::infra::{self, Infra};
use crate::ports::Ports;
use crate::process::{self, Origin, Signal};
use crate::state::{self, Admin, State};
use crate::workspace::Workspace;

/// How long a service may take from its start until it is ready.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// How the system shall run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Optimised binaries.
    pub(crate) release: bool,
    /// Variables for every service.
    pub(crate) env: BTreeMap<String, String>,
}

/// Builds, prepares database and topics, starts what is missing or differs from what is wanted, waits until all is
/// ready, and writes the state file.
pub(crate) async fn up(workspace: &Workspace, ports: &Ports, infra: &Infra, wanted: &Wanted) -> Result<State> {
    build(workspace, wanted.release)?;
    let binaries = workspace.binaries(wanted.release)?;
    let tenancy = Tenancy::claim(workspace, infra).await?;
    let environment = Environment::new(workspace, ports, infra, &tenancy, &wanted.env);

    let ticketctl = Ticketctl::new(&binaries, &environment);
    ticketctl.run(&["migrate"])?;
    ticketctl.run(&["topics", "create"])?;
    let admin = Admin::of(workspace)?;
    ticketctl.run(&[
        "admin",
        "create",
        "--email",
        &admin.email,
        "--password",
        &admin.password,
    ])?;

    let names = UNITS.map(|unit| unit.name);
    let start = async || start_missing(workspace, ports, &binaries, &environment).await;
    process::start_until_alive(workspace, &names, start).await?;
    let state = State {
        gateway: GATEWAY.url(ports),
        services: UNITS
            .iter()
            .filter(|unit| unit.schema.is_some())
            .map(|unit| (unit.name.to_owned(), unit.url(ports)))
            .collect(),
        simulators: SIMULATORS.url(ports),
        postgres: environment.database_url(),
        redis: infra.redis.clone(),
        kafka: infra.kafka.clone(),
        admin,
        pids: state::running(workspace),
        settings: environment.settings(),
    };
    state.write(workspace)?;
    Ok(state)
}

async fn start_missing(workspace: &Workspace, ports: &Ports, binaries: &Path, environment: &Environment) -> Result<()> {
    let mut outdated = Vec::new();
    let mut missing = Vec::new();
    for unit in UNITS {
        let origin = binary_origin(&binaries.join(unit.package), environment.of(unit))?;
        match process::running(workspace, unit.name) {
            Some(record) if record.origin == origin => continue,
            Some(_) => outdated.push(unit.name),
            None => {}
        }
        missing.push((unit, origin));
    }
    // Callers stop before those they call, so that nobody fails for a restart.
    outdated.reverse();
    process::stop_all(workspace, &outdated, Signal::Term)?;

    let began = Instant::now();
    for (unit, origin) in missing {
        let port = unit.port(ports);
        ensure!(
            !infra::is_taken(port),
            "port {port} of {} is taken by a process this folder did not start; stop it, or choose other ports with --ports-from",
            unit.name
        );
        start(workspace, binaries, unit, origin)?;
    }
    let client = http_client()?;
    for unit in UNITS {
        let url = unit.health_url(ports);
        process::wait_until(workspace, unit.name, START_PATIENCE, async || {
            is_ready(&client, &url).await
        })
        .await?;
    }
    if began.elapsed() > Duration::from_millis(100) {
        say!("services ready in {:.1} s", began.elapsed().as_secs_f64());
    }
    Ok(())
}

fn start(workspace: &Workspace, binaries: &Path, unit: Unit, origin: Origin) -> Result<()> {
    let binary = binaries.join(unit.package);
    let marker = binary.display().to_string();
    let mut command = Command::new(&binary);
    command.current_dir(workspace.root()).envs(&origin.env);
    process::start(workspace, unit.name, &mut command, &marker, origin)?;
    Ok(())
}

/// How the system of this folder runs, if any of it does.
pub(crate) fn running(workspace: &Workspace) -> Option<Wanted> {
    let record = UNITS.iter().find_map(|unit| process::running(workspace, unit.name))?;
    let state = State::read(workspace)?;
    Some(Wanted {
        release: record.origin.binary.contains("/release/"),
        env: state.settings,
    })
}

/// Stops the services and the simulators.
pub(crate) fn down(workspace: &Workspace) -> Result<()> {
    for name in stop(workspace)? {
        say!("stopped {name}");
    }
    Ok(())
}

/// Stops the services and the simulators, and names those that ran.
pub(crate) fn stop(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let mut names: Vec<_> = UNITS.iter().map(|unit| unit.name).collect();
    names.reverse();
    let stopped = process::stop_all(workspace, &names, Signal::Term)?;
    State::remove(workspace)?;
    Ok(stopped)
}
