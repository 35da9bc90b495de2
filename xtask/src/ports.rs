//! Which ports the system of this folder listens on.
//!
//! The choice is remembered, so that `down`, `status`, `test` and the rest find a system which was started beside another.

use std::fs;

use anyhow::{Context as _, Result};

use crate::layout::Layout;
use crate::workspace::Workspace;

/// Ports of everything the system consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ports {
    /// Gateway, user, event, queue, reservation and payment, in this order.
    pub(crate) services: [u16; 6],
    pub(crate) simulators: u16,
    pub(crate) postgres: u16,
    pub(crate) redis: u16,
    pub(crate) kafka: u16,
    pub(crate) kafka_controller: u16,
    /// Of the second broker, if there is one.
    pub(crate) kafka_second: u16,
    /// Of the cluster's masters, if there is one; and what they tell one another on.
    pub(crate) redis_cluster: [u16; 3],
    pub(crate) redis_cluster_bus: [u16; 3],
    pub(crate) s3: u16,
    /// Which of them are in use.
    pub(crate) layout: Layout,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            services: [8080, 8081, 8082, 8083, 8084, 8085],
            simulators: 8090,
            postgres: 15432,
            redis: 16379,
            kafka: 19092,
            kafka_controller: 19093,
            kafka_second: 19094,
            redis_cluster: [16381, 16382, 16383],
            redis_cluster_bus: [26381, 26382, 26383],
            s3: 19000,
            layout: Layout::default(),
        }
    }
}

impl Ports {
    /// The block of ports that begins at a number: services, simulators at +10, infrastructure from +20.
    fn beginning_at(first: u16) -> Result<Self> {
        anyhow::ensure!((1024..=65_500).contains(&first), "--ports-from takes 1024 to 65500");
        let service = |index: u16| first + index;
        Ok(Self {
            services: [service(0), service(1), service(2), service(3), service(4), service(5)],
            simulators: first + 10,
            postgres: first + 20,
            redis: first + 21,
            kafka: first + 22,
            kafka_controller: first + 23,
            kafka_second: first + 28,
            redis_cluster: [first + 25, first + 26, first + 27],
            redis_cluster_bus: [first + 11, first + 12, first + 13],
            s3: first + 24,
            layout: Layout::default(),
        })
    }

    /// What `--ports-from` asks for, else what it asked for last time in this folder, else the default.
    pub(crate) fn choose(workspace: &Workspace, asked: Option<u16>) -> Result<Self> {
        let path = workspace.dev().join("ports-from");
        let remembered = fs::read_to_string(&path)
            .ok()
            .and_then(|text| text.trim().parse::<u16>().ok());
        match (asked, remembered) {
            (None, None) => Ok(Self::default()),
            (None, Some(first)) => Self::beginning_at(first),
            (Some(first), remembered) => {
                let ports = Self::beginning_at(first)?;
                let anything_runs = !crate::state::running(workspace).is_empty();
                anyhow::ensure!(
                    remembered == asked || !anything_runs,
                    "the system of this folder runs on other ports; run `cargo xtask down` first"
                );
                fs::write(&path, format!("{first}\n")).with_context(|| format!("cannot write {}", path.display()))?;
                Ok(ports)
            }
        }
    }

    /// Forgets `--ports-from`, once nothing runs there any more.
    pub(crate) fn forget(workspace: &Workspace) -> Result<()> {
        match fs::remove_file(workspace.dev().join("ports-from")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_within_themselves() {
        let ports = Ports::beginning_at(20_000).unwrap();
        let mut all = ports.services.to_vec();
        all.extend([
            ports.simulators,
            ports.postgres,
            ports.redis,
            ports.kafka,
            ports.kafka_controller,
            ports.kafka_second,
            ports.s3,
        ]);
        all.extend(ports.redis_cluster);
        all.extend(ports.redis_cluster_bus);
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
