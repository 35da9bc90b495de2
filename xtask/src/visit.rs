//! A task's visit to the system: as it runs, else started for the visit; left as it was found.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::infra;
use crate::ports::Ports;
use crate::services::{self, Environment, Tenancy, Ticketctl, UNITS, Wanted};
use crate::state::State;
use crate::workspace::Workspace;

/// Messages on their way are not yet in the books; after this time they are not on their way any more.
const REST_PATIENCE: Duration = Duration::from_secs(60);

/// A system that runs until `end`.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) state: State,
    environment: Environment,
    /// How it runs now.
    pub(crate) wanted: Wanted,
    ticketctl: Ticketctl,
    /// How it ran before, if it did.
    before: Option<Wanted>,
    /// Nobody else changes it meanwhile.
    _lock: File,
}

impl Visit {
    /// Starts what is missing. A system that runs keeps its settings, but for those that the visit cannot do without.
    pub(crate) async fn begin(
        workspace: &Workspace,
        ports: &Ports,
        release: bool,
        needed: &[(&str, &str)],
    ) -> Result<Self> {
        let as_needed = |before: Option<&Wanted>| {
            let mut wanted = before.cloned().unwrap_or(Wanted {
                release,
                ..Wanted::default()
            });
            for &(key, value) in needed {
                wanted.env.insert(key.to_owned(), value.to_owned());
            }
            wanted
        };
        Self::enter(workspace, ports, as_needed, false).await
    }

    /// A system of just this kind, in new processes, whatever runs now.
    pub(crate) async fn anew(workspace: &Workspace, ports: &Ports, wanted: Wanted) -> Result<Self> {
        Self::enter(workspace, ports, |_| wanted, true).await
    }

    async fn enter(
        workspace: &Workspace,
        ports: &Ports,
        wanted: impl FnOnce(Option<&Wanted>) -> Wanted,
        anew: bool,
    ) -> Result<Self> {
        let lock = workspace.lock()?;
        let infra = infra::up(workspace, ports).await?;
        let before = services::running(workspace);
        let wanted = wanted(before.as_ref());
        if anew {
            services::stop(workspace)?;
        }
        let state = match services::up(workspace, ports, &infra, &wanted).await {
            Ok(state) => state,
            Err(error) => {
                // Why it does not start matters more than what comes of it.
                let _left = restore(workspace, ports, before.as_ref()).await;
                return Err(error);
            }
        };
        let tenancy = Tenancy::claim(workspace, &infra).await?;
        let environment = Environment::new(workspace, ports, &infra, &tenancy, &wanted);
        let ticketctl = Ticketctl::new(&workspace.binaries(wanted.release)?, &environment);
        Ok(Self {
            state,
            environment,
            wanted,
            ticketctl,
            before,
            _lock: lock,
        })
    }

    /// A load of `crates/load` on this system. Accounts and tokens are made as the user service makes them.
    pub(crate) fn load(&self, workspace: &Workspace, load: &str) -> Result<Command> {
        let [_, user_service, ..] = UNITS;
        let mut command = Command::new(workspace.binaries(self.wanted.release)?.join("load"));
        command
            .arg(load)
            .envs(self.environment.of(user_service))
            .current_dir(workspace.root());
        Ok(command)
    }

    /// Waits until the books are in order and says what the audit says; an error if they do not come into order.
    pub(crate) async fn audit(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let output = self.ticketctl.output(&["audit"])?;
            let in_order = output.status.success();
            if in_order || began.elapsed() > REST_PATIENCE {
                say!("{}", String::from_utf8_lossy(&output.stdout).trim_end());
                if !in_order {
                    bail!(
                        "the books are not in order\n{}",
                        String::from_utf8_lossy(&output.stderr).trim_end()
                    );
                }
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Leaves the system as it was found.
    pub(crate) async fn end(self, workspace: &Workspace, ports: &Ports) -> Result<()> {
        if self.before.as_ref() != Some(&self.wanted) {
            restore(workspace, ports, self.before.as_ref()).await?;
        }
        match &self.before {
            None => say!("Services stopped; PostgreSQL, Redis and Kafka run on until `cargo xtask down`."),
            Some(before) if *before == self.wanted => say!("The system runs on as it did before."),
            Some(_) => say!("The system runs on with its own settings again."),
        }
        Ok(())
    }

    /// Whether a system ran before.
    pub(crate) fn is_a_guest(&self) -> bool {
        self.before.is_some()
    }
}

/// Has the system run as it did before, or not at all.
async fn restore(workspace: &Workspace, ports: &Ports, before: Option<&Wanted>) -> Result<()> {
    match before {
        None => drop(services::stop(workspace)?),
        Some(before) => drop(services::up(workspace, ports, &infra::Infra::addresses(ports), before).await?),
    }
    Ok(())
}
