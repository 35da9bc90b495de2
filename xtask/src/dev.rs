//! `cargo xtask dev`: the system follows the sources. After each change it is built, and what became different is restarted.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, Result};
use notify::{Event, EventKind, RecursiveMode, Watcher as _, recommended_watcher};

use crate::infra::{self, Infra};
use crate::ports::Ports;
use crate::services::{self, Wanted};
use crate::workspace::Workspace;

/// Editors and version control write many files at once; this long without another one is the end of it.
const QUIET: Duration = Duration::from_millis(300);

/// What the services are built from.
const WATCHED: [&str; 5] = ["crates", "services", "migrations", "Cargo.toml", "Cargo.lock"];

/// Keeps the system as new as its sources until interrupted. It goes on running then, as after `up`.
pub(crate) async fn dev(workspace: &Workspace, ports: &Ports, wanted: &Wanted) -> Result<()> {
    let (sender, changes) = channel();
    let mut watcher = recommended_watcher(sender).context("cannot watch files")?;
    for name in WATCHED {
        watcher
            .watch(&workspace.root().join(name), RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {name}"))?;
    }
    let infra = {
        let _lock = workspace.lock()?;
        infra::up(workspace, ports).await?
    };
    loop {
        refresh(workspace, ports, &infra, wanted).await;
        wait_for_change(&changes)?;
    }
}

/// A source that does not compile is no end: what ran goes on, and the next change may be the repair.
async fn refresh(workspace: &Workspace, ports: &Ports, infra: &Infra, wanted: &Wanted) {
    let result = match workspace.lock() {
        Ok(_lock) => services::up(workspace, ports, infra, wanted).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(state) => say!(
            "{}  is as the sources are; waiting for a change (Ctrl-C ends)",
            state.gateway
        ),
        Err(error) => eprintln!("error: {error:#}\nwaiting for a change (Ctrl-C ends)"),
    }
}

/// Returns after a change, once it is complete.
fn wait_for_change(changes: &Receiver<notify::Result<Event>>) -> Result<()> {
    while !is_change(
        &changes
            .recv()
            .context("nobody watches any more")?
            .context("cannot watch files")?,
    ) {}
    while changes.recv_timeout(QUIET).is_ok() {}
    Ok(())
}

/// Building reads the sources too, and editors write files of their own beside them.
fn is_change(event: &Event) -> bool {
    let is_source = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && !name.ends_with('~')
    };
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|path| is_source(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_saved_source_is_a_change_and_reading_it_is_none() {
        let folder = std::env::temp_dir().join(format!("dev-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(&folder).unwrap();
        let source = folder.join("lib.rs");
        fs::write(&source, "one").unwrap();
        let (sender, changes) = channel();
        let mut watcher = recommended_watcher(sender).unwrap();
        watcher.watch(&folder, RecursiveMode::Recursive).unwrap();
        fs::read(&source).unwrap();
        fs::write(folder.join(".lib.rs.swp"), "editor").unwrap();
        fs::write(folder.join("last"), "").unwrap();
        let mut seen = Vec::new();
        loop {
            let event = changes.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
            let last = event.paths.iter().any(|path| path.ends_with("last"));
            if is_change(&event) {
                seen.extend(event.paths);
            }
            if last {
                break;
            }
        }
        assert_eq!(seen, [folder.join("last")]);
        fs::write(&source, "two").unwrap();
        wait_for_change(&changes).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }
}
