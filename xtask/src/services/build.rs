//! Building what will be started.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result};

use super::UNITS;
use crate::process::Origin;
use crate::workspace::{Workspace, run};

/// The package of the file that all services are in.
const MULTICALL_PACKAGE: &str = "multicall";
/// That file.
const MULTICALL: &str = "ticket-queue";

/// Builds the services, the simulators and the operator's tool.
pub(crate) fn build(workspace: &Workspace, release: bool) -> Result<()> {
    build_with(workspace, release, &[])
}

/// The same with further packages. All in one call: built by themselves, they would have their dependencies compiled a
/// second time, with other features.
pub(crate) fn build_with(workspace: &Workspace, release: bool, also: &[&str]) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.arg("build");
    for package in packages(release).iter().chain(also) {
        cargo.args(["-p", package]);
    }
    if release {
        cargo.arg("--release");
    }
    run(&mut cargo)?;
    if release {
        link(&workspace.binaries(true)?)?;
    }
    Ok(())
}

/// What is built. Released services are one file; while developing each is a program of its own, so that a change to one
/// links only that one.
fn packages(release: bool) -> Vec<&'static str> {
    let alone = UNITS.iter().filter(|unit| !(release && unit.is_service()));
    let together = release.then_some(MULTICALL_PACKAGE);
    let programs = alone.map(|unit| unit.package).chain(["ticketctl"]);
    programs.chain(together).collect()
}

/// Gives the one file of all services their names.
fn link(binaries: &Path) -> Result<()> {
    for unit in UNITS.iter().filter(|unit| unit.is_service()) {
        let name = binaries.join(unit.package);
        if fs::read_link(&name).is_ok_and(|target| target == Path::new(MULTICALL)) {
            continue;
        }
        // Or a program of this service alone, built by `cargo bench` or by hand.
        if name.symlink_metadata().is_ok() {
            fs::remove_file(&name).with_context(|| format!("cannot replace {}", name.display()))?;
        }
        symlink(MULTICALL, &name).with_context(|| format!("cannot create {}", name.display()))?;
    }
    Ok(())
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
