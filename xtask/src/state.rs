//! `.dev/state.json`: where the running system is, for any tool that wants to talk to it (design.md §16).

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::workspace::Workspace;
use crate::{infra, process, services};

/// The file's content.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// URL of the gateway.
    pub(crate) gateway: String,
    /// URLs of the five services behind it, by name; of the first process of each.
    pub(crate) services: BTreeMap<String, String>,
    /// URLs of all processes of each service and of the gateway.
    #[serde(default)]
    pub(crate) replicas: BTreeMap<String, Vec<String>>,
    /// URL of the simulators.
    pub(crate) simulators: String,
    /// Superuser URL of the system's database.
    pub(crate) postgres: String,
    pub(crate) redis: String,
    /// URLs of the masters that the services use instead, with `up --redis-cluster`.
    #[serde(default)]
    pub(crate) redis_cluster: Vec<String>,
    /// Bootstrap addresses, with commas between.
    pub(crate) kafka: String,
    /// S3's endpoint; empty in a file that an older release wrote.
    #[serde(default)]
    pub(crate) s3: String,
    pub(crate) admin: Admin,
    /// Process ids by name; infrastructure that another folder or Docker runs is not among them.
    pub(crate) pids: BTreeMap<String, u32>,
    /// The services' variables that differ from their defaults.
    pub(crate) settings: BTreeMap<String, String>,
}

/// The account an administrator of the development system logs in with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Admin {
    pub(crate) email: String,
    pub(crate) password: String,
}

impl State {
    /// What the last `up` wrote, unless the system was taken down since.
    pub(crate) fn read(workspace: &Workspace) -> Option<Self> {
        serde_json::from_slice(&fs::read(path(workspace)).ok()?).ok()
    }

    pub(crate) fn write(&self, workspace: &Workspace) -> Result<()> {
        let path = path(workspace);
        fs::write(&path, serde_json::to_vec_pretty(self)?).with_context(|| format!("cannot write {}", path.display()))
    }

    pub(crate) fn remove(workspace: &Workspace) -> Result<()> {
        match fs::remove_file(path(workspace)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Admin {
    /// The account of this folder; its password is made once and kept.
    pub(crate) fn of(workspace: &Workspace) -> Result<Self> {
        let path = workspace.dev().join("admin.json");
        if let Ok(bytes) = fs::read(&path) {
            return serde_json::from_slice(&bytes).with_context(|| format!("{} is broken", path.display()));
        }
        let password = format!("Dev-{}!", Uuid::new_v4().simple());
        let admin = Self {
            email: "admin@ticket-queue.local".to_owned(),
            password,
        };
        fs::write(&path, serde_json::to_vec_pretty(&admin)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(admin)
    }
}

/// Names and process ids of everything this folder started that still runs.
pub(crate) fn running(workspace: &Workspace) -> BTreeMap<String, u32> {
    let services = services::instances().map(services::Instance::name);
    let names = services.chain(infra::NAMES.map(str::to_owned));
    names
        .filter_map(|name| {
            let pid = process::running(workspace, &name)?.pid;
            Some((name, pid))
        })
        .collect()
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.dev().join("state.json")
}
