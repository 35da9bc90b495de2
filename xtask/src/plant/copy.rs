//! A copy of the repository in which faults are planted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::workspace::{Workspace, run_quietly};

/// The copy; it is kept between runs, so that only what changed is built again.
#[derive(Debug)]
pub(super) struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Makes the copy like the tree of now, with what is not committed and without what Git ignores.
    pub(super) fn make(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.dev().join("planted");
        let copy = Self {
            root: folder.join("source"),
            target: folder.join("target"),
        };
        let mut git = std::process::Command::new("git");
        git.current_dir(workspace.root());
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let listed = run_quietly(&mut git)?;
        let files: Vec<&str> = listed
            .lines()
            .filter(|file| workspace.root().join(file).is_file())
            .collect();
        for file in &files {
            copy.restore(workspace, file)?;
        }
        copy.remove_others(&copy.root, &files)?;
        Ok(copy)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes one file as it is in the repository. An equal one is not touched, so Cargo does not build it again.
    pub(super) fn restore(&self, workspace: &Workspace, file: &str) -> Result<()> {
        let (from, to) = (workspace.root().join(file), self.root.join(file));
        let text = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if fs::read(&to).is_ok_and(|old| old == text) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, text).with_context(|| format!("cannot write {}", to.display()))
    }

    /// A file that was deleted or renamed must not be compiled, or migrated, any more.
    fn remove_others(&self, folder: &Path, files: &[&str]) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.remove_others(&path, files)?;
            } else if !path
                .strip_prefix(&self.root)
                .is_ok_and(|name| files.iter().any(|file| Path::new(file) == name))
            {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}
