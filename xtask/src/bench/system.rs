//! Benches of the whole system: the load is a program of `crates/load`, the system is brought up for it as an on-sale is, and
//! is afterwards as it was before.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::report::FILE;
use crate::ports::Ports;
use crate::services::{self, Wanted};
use crate::visit::Visit;
use crate::workspace::{Workspace, run as run_command};

/// What differs from the services' defaults: all buyers come from one address here, and a line of the log per request would be
/// written tens of thousands of times.
const SETTINGS: [(&str, &str); 3] = [
    ("RATE_LIMIT_PROFILE", "loadtest"),
    ("MAX_CONNECTIONS_PER_ADDRESS", "20000"),
    ("LOG_LEVEL", "warn"),
];

/// Runs a load against the optimised system of this folder.
pub(super) async fn run(workspace: &Workspace, ports: &Ports, load: &str, quick: bool, report: &Path) -> Result<()> {
    let wanted = Wanted {
        release: true,
        env: BTreeMap::from(SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned()))),
        replicas: BTreeMap::new(),
    };
    services::build_with(workspace, true, &["load"])?;
    // New processes: what they have before the load is what they have when idle.
    let visit = Visit::anew(workspace, ports, wanted).await?;
    let outcome = measure(workspace, &visit, load, quick, report);
    visit.end(workspace, ports).await?;
    outcome
}

fn measure(workspace: &Workspace, visit: &Visit, load: &str, quick: bool, report: &Path) -> Result<()> {
    let mut command = visit.load(workspace, load)?;
    command.env(FILE, report);
    command.arg("--state").arg(workspace.dev().join("state.json"));
    if quick {
        command.arg("--quick");
    }
    run_command(&mut command)
}
