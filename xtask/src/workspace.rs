//! Where things are: the repository, its state folder, and the folder Cargo builds into.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// The repository and the folders tasks work in.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
    dev: PathBuf,
}

/// Names another state folder than the repository's `.dev`: a second system from the same checkout, with `--ports-from`.
const STATE_FOLDER: &str = "TICKET_QUEUE_DEV_DIR";

impl Workspace {
    /// The repository this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the repository")?;
        let dev = std::env::var_os(STATE_FOLDER).map_or_else(|| root.join(".dev"), PathBuf::from);
        anyhow::ensure!(dev.is_absolute(), "{STATE_FOLDER} must be an absolute path");
        let workspace = Self {
            root: root.to_path_buf(),
            dev,
        };
        for folder in ["logs", "pids"] {
            let folder = workspace.dev().join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        Ok(workspace)
    }

    /// The repository's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The state folder: server data, logs, pids. Git ignores it.
    pub(crate) fn dev(&self) -> PathBuf {
        self.dev.clone()
    }

    /// Where the simulators keep payments, so that they outlive a restart as the books of that database do.
    pub(crate) fn ledger(&self, database: &str) -> PathBuf {
        self.dev().join(format!("simulators-{database}.jsonl"))
    }

    /// The log of one process.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dev().join("logs").join(format!("{name}.log"))
    }

    /// The folder of built binaries. This program lies in the debug one, wherever `CARGO_TARGET_DIR` put that.
    pub(crate) fn binaries(&self, release: bool) -> Result<PathBuf> {
        let this = std::env::current_exe().context("cannot tell where this program lies")?;
        let target = this
            .parent()
            .and_then(Path::parent)
            .context("xtask was built by Cargo")?;
        Ok(target.join(if release { "release" } else { "debug" }))
    }

    /// Makes tasks that change the running system wait for one another. The lock ends with the returned file.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.dev().join("lock");
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("waiting for another cargo xtask in this folder …");
            file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Ok(file)
    }

    /// The Rust files of the crates, services and tests, with their text.
    pub(crate) fn sources(&self) -> Result<Vec<(PathBuf, String)>> {
        self.rust_files(&["crates", "services", "system-tests"])
    }

    /// The Rust files below these folders, with their text.
    pub(crate) fn rust_files(&self, folders: &[&str]) -> Result<Vec<(PathBuf, String)>> {
        let mut files = Vec::new();
        let mut folders: Vec<_> = folders.iter().map(|folder| self.root.join(folder)).collect();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path)?;
                    files.push((path, text));
                }
            }
        }
        Ok(files)
    }

    /// Cargo, run in the repository.
    ///
    /// What the outer `cargo run` told this program about itself is taken out again: build scripts that watch such a
    /// variable (ring's does) would otherwise run anew each time a task and a shell take turns.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root);
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy();
            let told_by_cargo = name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || matches!(
                    name.as_ref(),
                    "CARGO" | "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE"
                )
                || name == "OUT_DIR"
                || name == "LD_LIBRARY_PATH";
            if told_by_cargo {
                cargo.env_remove(&key);
            }
        }
        cargo
    }
}

/// Runs a command to its end; anything but success is an error that names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    anyhow::ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(())
}

/// Runs a command to its end and returns what it wrote; its output is shown only when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    anyhow::ensure!(
        output.status.success(),
        "`{shown}` failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
