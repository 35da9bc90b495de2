//! `cargo xtask sqlx`: regenerates `/.sqlx`, the descriptions of all SQL statements against which a build without a
//! database checks them.
//!
//! The macros describe their statements on a live, freshly migrated database and write what they learn into
//! `SQLX_OFFLINE_DIR`, one file per statement. They do so only when they are expanded, so the files that use them must
//! look changed to Cargo; their times are put back afterwards, else every other build would compile them again too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

use crate::infra::{self, Infra, postgres};
use crate::ports::Ports;
use crate::workspace::{Workspace, run};

/// What to do with the descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Replace those in the repository.
    Write,
    /// Fail when those in the repository differ, or a lint finds something.
    Check,
}

/// Describes all statements anew, on a database that exists only meanwhile.
pub(crate) async fn prepare(workspace: &Workspace, ports: &Ports, mode: Mode) -> Result<()> {
    let infra = {
        let _lock = workspace.lock()?;
        infra::up(workspace, ports).await?
    };
    let database = format!("xtask_sqlx_{}", std::process::id());
    let described = describe(workspace, &infra, &database, mode);
    let server = postgres::connect(&infra.database_url("postgres")).await?;
    server
        .batch_execute(&format!("drop database if exists {database} with (force)"))
        .await?;
    let described = described?;

    let committed_dir = workspace.root().join(".sqlx");
    let committed = read_all(&committed_dir)?;
    let same = committed == described;
    match mode {
        Mode::Check if same => say!("{} statements are as described in .sqlx", described.len()),
        Mode::Check => bail!(
            "the descriptions in .sqlx are not those of today's statements and migrations; run `cargo xtask sqlx`\n{}",
            difference(&committed, &described)
        ),
        Mode::Write => {
            for name in committed.keys().filter(|name| !described.contains_key(*name)) {
                fs::remove_file(committed_dir.join(name))?;
            }
            fs::create_dir_all(&committed_dir)?;
            for (name, text) in described
                .iter()
                .filter(|(name, text)| committed.get(*name) != Some(*text))
            {
                fs::write(committed_dir.join(name), text)?;
            }
            say!(
                "{} statements described in .sqlx{}",
                described.len(),
                if same { ", as before" } else { "" }
            );
        }
    }
    Ok(())
}

/// Migrates the scratch database, expands every macro against it and returns the descriptions by file name.
fn describe(workspace: &Workspace, infra: &Infra, database: &str, mode: Mode) -> Result<BTreeMap<String, String>> {
    let url = infra.database_url(database);
    // Not `ticketctl`: that has services in it, whose statements are what is described here.
    run(workspace
        .cargo()
        .args(["run", "--quiet", "--package", "schema", "--", &url]))?;

    let folder = workspace.dev().join("sqlx");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let touched = Touched::all(&statement_files(workspace)?)?;
    let mut cargo = workspace.cargo();
    match mode {
        Mode::Write => cargo.args(["check", "--workspace", "--all-targets"]),
        // Clippy expands the macros too, so one pass over the workspace does both.
        Mode::Check => cargo.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    };
    cargo
        .env("DATABASE_URL", &url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &folder);
    let checked = run(&mut cargo);
    drop(touched);
    checked?;
    read_all(&folder)
}

/// The source files in which a statement is checked at compile time.
fn statement_files(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let calls = ["query!", "query_as!", "query_scalar!"];
    let files = workspace.sources()?.into_iter();
    let with_statements = files.filter(|(_, text)| calls.iter().any(|call| text.contains(call)));
    Ok(with_statements.map(|(path, _)| path).collect())
}

/// Files made to look changed, until this value is dropped.
#[derive(Debug)]
struct Touched(Vec<(PathBuf, SystemTime)>);

impl Touched {
    #[expect(
        clippy::disallowed_methods,
        reason = "a file's time is compared with the system's clock, not with ours"
    )]
    fn all(files: &[PathBuf]) -> Result<Self> {
        let mut touched = Self(Vec::new());
        for path in files {
            let modified = path.metadata()?.modified()?;
            set_modified(path, SystemTime::now())?;
            touched.0.push((path.clone(), modified));
        }
        Ok(touched)
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        for (path, modified) in &self.0 {
            // Failing costs a recompilation, nothing else.
            let _ = set_modified(path, *modified);
        }
    }
}

fn set_modified(path: &Path, time: SystemTime) -> Result<()> {
    let file = File::options().append(true).open(path)?;
    file.set_modified(time)
        .with_context(|| format!("cannot touch {}", path.display()))
}

fn read_all(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            files.insert(
                entry.file_name().to_string_lossy().into_owned(),
                fs::read_to_string(entry.path())?,
            );
        }
    }
    Ok(files)
}

/// Names the statements that are missing, left over, or described otherwise.
fn difference(committed: &BTreeMap<String, String>, described: &BTreeMap<String, String>) -> String {
    let mut lines = Vec::new();
    for (name, text) in described {
        match committed.get(name) {
            None => lines.push(format!("missing   {name} {}", statement(text))),
            Some(old) if old != text => lines.push(format!("differs   {name} {}", statement(text))),
            Some(_) => {}
        }
    }
    for (name, text) in committed.iter().filter(|(name, _)| !described.contains_key(*name)) {
        lines.push(format!("left over {name} {}", statement(text)));
    }
    lines.join("\n")
}

/// The beginning of the SQL text in a description.
fn statement(description: &str) -> String {
    let description: serde_json::Value = serde_json::from_str(description).unwrap_or_default();
    let words = description["query"].as_str().unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ").chars().take(90).collect()
}
