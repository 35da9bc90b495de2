//! How many servers the infrastructure has: one Redis or a cluster, one Kafka broker or two.
//!
//! The choice is remembered until `down`, so that `demo`, `status`, `test` and the rest find what `up` was asked for.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::process;
use crate::workspace::Workspace;

/// What the infrastructure consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Three Redis masters for the services, beside the one server that tests use.
    pub(crate) redis_cluster: bool,
    /// One broker that is its own controller, or two with a controller beside them.
    pub(crate) kafka_brokers: u8,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            redis_cluster: false,
            kafka_brokers: 1,
        }
    }
}

/// What is asked for on the command line.
#[derive(Debug, Clone, Args)]
pub(crate) struct LayoutArgs {
    /// The services use a Redis Cluster of three masters; remembered until `down`.
    #[arg(long)]
    redis_cluster: bool,
    /// Kafka as so many brokers, 1 or 2, that each keep all messages; remembered until `down`.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=2))]
    kafka_brokers: Option<u8>,
}

impl Layout {
    /// What was asked for now, else last time in this folder, else one of each.
    pub(crate) fn choose(workspace: &Workspace, asked: Option<&LayoutArgs>) -> Result<Self> {
        let path = workspace.dev().join("layout.json");
        let remembered: Self = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let Some(asked) = asked else { return Ok(remembered) };
        let layout = remembered.with(asked);
        if layout != remembered {
            // Its messages stay with the old broker, so a running system must not lose sight of them.
            ensure!(
                layout.kafka_brokers == remembered.kafka_brokers || process::running(workspace, "kafka").is_none(),
                "Kafka runs with another number of brokers; run `cargo xtask down` first"
            );
            fs::write(&path, serde_json::to_vec_pretty(&layout)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(layout)
    }

    fn with(&self, asked: &LayoutArgs) -> Self {
        Self {
            redis_cluster: self.redis_cluster || asked.redis_cluster,
            kafka_brokers: asked.kafka_brokers.unwrap_or(self.kafka_brokers),
        }
    }

    /// Whether docker-compose.yml has it like this.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Forgets the choice, once nothing runs any more.
    pub(crate) fn forget(workspace: &Workspace) -> Result<()> {
        match fs::remove_file(workspace.dev().join("layout.json")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_stays_as_it_was() {
        let nothing = LayoutArgs {
            redis_cluster: false,
            kafka_brokers: None,
        };
        let both = LayoutArgs {
            redis_cluster: true,
            kafka_brokers: Some(2),
        };
        let large = Layout::default().with(&both);
        assert!(Layout::default().with(&nothing).is_plain());
        assert_eq!(large.with(&nothing), large);
        assert!(large.redis_cluster && large.kafka_brokers == 2 && !large.is_plain());
    }
}
