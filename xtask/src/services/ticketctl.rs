//! The operator's tool, pointed at the system of this folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result};

use super::Environment;
use crate::workspace::run_quietly;

/// A built `ticketctl` and what it needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Ticketctl {
    binary: PathBuf,
    environment: Environment,
}

impl Ticketctl {
    pub(crate) fn new(binaries: &Path, environment: &Environment) -> Self {
        Self {
            binary: binaries.join("ticketctl"),
            environment: environment.clone(),
        }
    }

    /// Runs it quietly; its output is shown only when it fails.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<()> {
        run_quietly(self.command().args(arguments)).map(drop)
    }

    /// Runs it and returns its answer whatever its exit code.
    pub(crate) fn output(&self, arguments: &[&str]) -> Result<Output> {
        self.command()
            .args(arguments)
            .output()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }

    /// The tool with its environment, for the caller to add arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.envs(self.environment.of_ticketctl());
        command
    }
}
