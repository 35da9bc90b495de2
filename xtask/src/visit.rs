//! A task's visit to the system: as it runs, else started for the visit; left as it was found.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::infra;
use crate::ports::Ports;
use crate::services::{self, Environment, Tenancy, Ticketctl, Wanted};
use crate::state::State;
use crate::workspace::Workspace;

/// Messages on their way are not yet in the books; after this time they are not on their way any more.
const REST_PATIENCE: Duration = Duration::from_secs(60);

/// A system that runs until `end`.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) state: State,
    pub(crate) environment: Environment,
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
        let lock = workspace.lock()?;
        let infra = infra::up(workspace, ports).await?;
        let before = services::running(workspace);
        let mut wanted = before.clone().unwrap_or(Wanted {
            release,
            ..Wanted::default()
        });
        for &(key, value) in needed {
            wanted.env.insert(key.to_owned(), value.to_owned());
        }
        let state = match services::up(workspace, ports, &infra, &wanted).await {
            Ok(state) => state,
            Err(error) => {
                if before.is_none() {
                    services::stop(workspace)?;
                }
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
        match &self.before {
            None => {
                services::stop(workspace)?;
                say!("Services stopped; PostgreSQL, Redis and Kafka run on until `cargo xtask down`.");
            }
            Some(before) if before.env == self.wanted.env => say!("The system runs on as it did before."),
            Some(before) => {
                services::up(workspace, ports, &infra::Infra::addresses(ports), before).await?;
                say!("The system runs on with its own settings again.");
            }
        }
        Ok(())
    }
}
