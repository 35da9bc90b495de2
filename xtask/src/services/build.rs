//! Building what will be started.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result};

use super::UNITS;
use crate::process::Origin;
use crate::workspace::{Workspace, run};

/// Builds the services, the simulators and the operator's tool.
pub(crate) fn build(workspace: &Workspace, release: bool) -> Result<()> {
    build_with(workspace, release, &[])
}

/// The same with further packages. All in one call: built by themselves, they would have their dependencies compiled a
/// second time, with other features.
pub(crate) fn build_with(workspace: &Workspace, release: bool, also: &[&str]) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.arg("build");
    let packages = UNITS.iter().map(|unit| unit.package).chain(["ticketctl"]);
    for package in packages.chain(also.iter().copied()) {
        cargo.args(["-p", package]);
    }
    if release {
        cargo.arg("--release");
    }
    run(&mut cargo)
}

/// Identifies a binary together with the environment it is given.
pub(crate) fn binary_origin(binary: &Path, env: BTreeMap<String, String>) -> Result<Origin> {
    let metadata = binary
        .metadata()
        .with_context(|| format!("{} was not built", binary.display()))?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
    Ok(Origin {
        binary: format!("{} {} {modified}", binary.display(), metadata.len()),
        env,
    })
}
