//! The six services and the simulators: built, started detached, waited for, repaired, stopped.

mod build;
mod environment;
mod health;
mod status;
mod tenancy;
mod ticketctl;
mod tls;
mod unit;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

pub(crate) use self::build::{binary_origin, build, build_with};
pub(crate) use self::environment::Environment;
pub(crate) use self::health::{http_client, is_ready};
pub(crate) use self::status::print_status;
pub(crate) use self::tenancy::Tenancy;
pub(crate) use self::ticketctl::Ticketctl;
pub(crate) use self::tls::{authority as tls_authority, settings as tls_settings};
use self::unit::{GATEWAY, SIMULATORS, Unit};
pub(crate) use self::unit::{Instance, UNITS, instances, replicas};
use crate::infra::{self, Infra};
use crate::ports::Ports;
use crate::process::{self, Origin, Signal};
use crate::state::{self, Admin, State};
use crate::workspace::Workspace;

/// How long a service may take from its start until it is ready.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// How the system shall run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Optimised binaries.
    pub(crate) release: bool,
    /// Variables for every service.
    pub(crate) env: BTreeMap<String, String>,
    /// How many processes of a unit, where it is not one.
    pub(crate) replicas: BTreeMap<String, u16>,
}

impl Wanted {
    fn instances(&self) -> Vec<Instance> {
        let wanted =
            |instance: &Instance| instance.number <= self.replicas.get(instance.unit.name).copied().unwrap_or(1);
        instances().filter(wanted).collect()
    }
}

/// Builds, prepares database and topics, starts what is missing or differs from what is wanted, stops replicas that are not
/// wanted any more, waits until all is ready, and writes the state file.
pub(crate) async fn up(workspace: &Workspace, ports: &Ports, infra: &Infra, wanted: &Wanted) -> Result<State> {
    build(workspace, wanted.release)?;
    let binaries = workspace.binaries(wanted.release)?;
    let tenancy = Tenancy::claim(workspace, infra).await?;
    let environment = Environment::new(workspace, ports, infra, &tenancy, wanted);

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

    let instances = wanted.instances();
    let names: Vec<String> = instances.iter().map(|instance| instance.name()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let start = async || start_missing(workspace, ports, &binaries, &environment, &instances).await;
    process::start_until_alive(workspace, &names, start).await?;
    let state = State {
        gateway: environment.gateway(),
        services: UNITS
            .iter()
            .filter(|unit| unit.schema.is_some())
            .map(|unit| (unit.name.to_owned(), unit.url(ports)))
            .collect(),
        replicas: UNITS
            .iter()
            .filter(|unit| unit.is_service())
            .map(|unit| (unit.name.to_owned(), environment.urls(*unit)))
            .collect(),
        simulators: SIMULATORS.url(ports),
        postgres: environment.database_url(),
        redis: infra.redis.clone(),
        redis_cluster: infra.redis_cluster.clone(),
        kafka: infra.kafka.clone(),
        s3: infra.s3.clone(),
        admin,
        pids: state::running(workspace),
        settings: environment.settings(),
    };
    state.write(workspace)?;
    Ok(state)
}

async fn start_missing(
    workspace: &Workspace,
    ports: &Ports,
    binaries: &Path,
    environment: &Environment,
    wanted: &[Instance],
) -> Result<()> {
    let is_wanted = |name: &String| wanted.iter().any(|instance| instance.name() == *name);
    // Replicas that an earlier `up` wanted.
    let mut outdated: Vec<String> = instances()
        .map(Instance::name)
        .filter(|name| !is_wanted(name))
        .collect();
    let mut missing = Vec::new();
    for &instance in wanted {
        let mut env = environment.of(instance.unit);
        env.insert("PORT".to_owned(), instance.port(ports).to_string());
        let origin = binary_origin(&binaries.join(instance.unit.package), env)?;
        match process::running(workspace, &instance.name()) {
            Some(record) if record.origin == origin => continue,
            Some(_) => outdated.push(instance.name()),
            None => {}
        }
        missing.push((instance, origin));
    }
    // Callers stop before those they call, so that nobody fails for a restart.
    let outdated: Vec<&str> = outdated.iter().rev().map(String::as_str).collect();
    process::stop_all(workspace, &outdated, Signal::Term)?;

    let began = Instant::now();
    for (instance, origin) in missing {
        let port = instance.port(ports);
        ensure!(
            !infra::is_taken(port),
            "port {port} of {} is taken by a process this folder did not start; stop it, or choose other ports with --ports-from",
            instance.name()
        );
        start(workspace, binaries, instance, origin)?;
    }
    let client = http_client()?;
    for instance in wanted {
        let url = instance.health_url(ports, environment.has_tls());
        process::wait_until(workspace, &instance.name(), START_PATIENCE, async || {
            is_ready(&client, &url).await
        })
        .await?;
    }
    if began.elapsed() > Duration::from_millis(100) {
        say!("services ready in {:.1} s", began.elapsed().as_secs_f64());
    }
    Ok(())
}

fn start(workspace: &Workspace, binaries: &Path, instance: Instance, origin: Origin) -> Result<()> {
    let binary = binaries.join(instance.unit.package);
    let marker = binary.display().to_string();
    let mut command = Command::new(&binary);
    command.current_dir(workspace.root()).envs(&origin.env);
    process::start(workspace, &instance.name(), &mut command, &marker, origin)?;
    Ok(())
}

/// How the system of this folder runs, if any of it does.
pub(crate) fn running(workspace: &Workspace) -> Option<Wanted> {
    let record = UNITS.iter().find_map(|unit| process::running(workspace, unit.name))?;
    let state = State::read(workspace)?;
    let replicas = instances()
        .filter(|instance| instance.number > 1 && process::running(workspace, &instance.name()).is_some())
        .map(|instance| (instance.unit.name.to_owned(), instance.number))
        .collect();
    Some(Wanted {
        release: record.origin.binary.contains("/release/"),
        env: state.settings,
        replicas,
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
pub(crate) fn stop(workspace: &Workspace) -> Result<Vec<String>> {
    let names: Vec<String> = instances().rev().map(Instance::name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stopped = process::stop_all(workspace, &names, Signal::Term)?;
    State::remove(workspace)?;
    Ok(stopped.into_iter().map(str::to_owned).collect())
}
