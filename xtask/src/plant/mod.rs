//! `cargo xtask plant`: removes one guard after another and demands that the tests notice (docs/testing.md).
//!
//! A suite that stays green when the unique key, a compare-and-set or the inbox is gone proves nothing about them. Each
//! [`Fault`] is planted in a copy of the repository with a build folder of its own, so that neither this tree nor its
//! binaries ever contain one.

mod copy;
mod faults;

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use self::copy::Copy;
use self::faults::Fault;
use crate::infra::{self, Infra, postgres};
use crate::ports::Ports;
use crate::workspace::{Workspace, run};

/// Plants the named faults, or all, and fails if the tests miss one.
pub(crate) async fn plant(workspace: &Workspace, ports: &Ports, names: &[String]) -> Result<()> {
    let chosen = choose(names)?;
    let infra = {
        let _lock = workspace.lock()?;
        infra::up(workspace, ports).await?
    };
    let copy = Copy::make(workspace)?;
    let database = format!("xtask_plant_{}", std::process::id());
    let url = infra.database_url(&database);
    run(cargo(workspace, &copy, &infra, &url).args(["run", "--quiet", "--package", "schema", "--", &url]))?;
    let mut missed = Vec::new();
    for fault in chosen {
        let began = Instant::now();
        say!("planting {} ({})", fault.name, fault.what);
        let outcome = try_one(workspace, &copy, &infra, &url, fault);
        for edit in fault.edits {
            copy.restore(workspace, edit.file)?;
        }
        match outcome? {
            Some(failed) => say!(
                "  noticed in {:.0} s by {}",
                began.elapsed().as_secs_f64(),
                failed.join(", ")
            ),
            None => missed.push(fault.name),
        }
    }
    let server = postgres::connect(&infra.database_url("postgres")).await?;
    server
        .batch_execute(&format!("drop database if exists {database} with (force)"))
        .await?;
    ensure!(missed.is_empty(), "the tests did not notice: {}", missed.join(", "));
    Ok(())
}

fn choose(names: &[String]) -> Result<Vec<&'static Fault>> {
    if names.is_empty() {
        return Ok(faults::all().collect());
    }
    let find = |name: &String| {
        let known = || faults::all().map(|fault| fault.name).collect::<Vec<_>>().join(", ");
        let found = faults::all().find(|fault| fault.name == name);
        found.with_context(|| format!("there is no fault `{name}`; there are {}", known()))
    };
    names.iter().map(find).collect()
}

/// The tests that failed, or nothing if all passed.
fn try_one(workspace: &Workspace, copy: &Copy, infra: &Infra, url: &str, fault: &Fault) -> Result<Option<Vec<String>>> {
    for edit in fault.edits {
        let path = copy.root().join(edit.file);
        let healthy = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        fs::write(&path, edit.planted(&healthy)?)?;
    }
    // What does not compile would be red for the wrong reason.
    run(cargo(workspace, copy, infra, url)
        .args(["test", "--quiet", "--no-run"])
        .args(fault.tests.iter().take_while(|word| **word != "--")))?;
    let output = cargo(workspace, copy, infra, url)
        .args(["test", "--no-fail-fast"])
        .args(fault.tests)
        .output()
        .context("cannot start cargo test")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        let passed = text
            .lines()
            .any(|line| line.starts_with("test ") && line.ends_with(" ... ok"));
        ensure!(passed, "{} names no test", fault.name);
        return Ok(None);
    }
    let failed: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
        .map(str::to_owned)
        .collect();
    if failed.is_empty() {
        bail!(
            "cargo test failed without a failed test:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(Some(failed))
}

/// Cargo in the copy. Statements are checked on a live database, because a planted one is in no description.
fn cargo(workspace: &Workspace, copy: &Copy, infra: &Infra, url: &str) -> Command {
    let mut cargo = workspace.cargo();
    cargo
        .current_dir(copy.root())
        .env("CARGO_TARGET_DIR", copy.target())
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("TICKET_QUEUE_POSTGRES_URL", infra.database_url("postgres"))
        .env("TICKET_QUEUE_REDIS_URL", &infra.redis)
        .env("TICKET_QUEUE_KAFKA", &infra.kafka)
        .env("TICKET_QUEUE_S3_URL", &infra.s3)
        .env("TICKET_QUEUE_BIN_DIR", copy.target().join("debug"))
        .env_remove("RUST_BACKTRACE");
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_planted_in_the_sources_of_today() {
        let workspace = Workspace::find().unwrap();
        for edit in faults::all().flat_map(|fault| fault.edits) {
            let text = fs::read_to_string(workspace.root().join(edit.file)).unwrap();
            edit.planted(&text).unwrap();
        }
    }
}
