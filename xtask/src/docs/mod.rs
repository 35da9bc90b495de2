//! `cargo xtask docs`: the documents that are made of the code, and what keeps the others true.
//!
//! | module | what |
//! |---|---|
//! | `example` | `.env.example`: the sections, variables and their meanings |
//! | `configuration` | `docs/configuration.md`, of what the programs tell about themselves and of `.env.example` |
//! | `table` | how that document is written |
//! | `openapi` | `docs/openapi.json`, of what the services and the gateway tell |
//! | `links` | every relative link and anchor leads somewhere |
//! | `names` | every path and every Rust name in backquotes exists |
//! | `rust_index` | the names that are in the sources |
//! | `traceability` | `docs/traceability.md` speaks of every requirement, and of tests that exist |

mod configuration;
mod example;
mod links;
mod names;
mod openapi;
mod rust_index;
mod table;
mod traceability;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::services;
use crate::workspace::Workspace;
use rust_index::RustIndex;

/// Folders without documents of ours.
const NOT_OURS: [&str; 3] = ["target", "node_modules", ".terraform"];

/// A file of the repository with its text.
struct Document {
    /// From the repository's root.
    path: PathBuf,
    text: String,
}

/// Writes what is made of the code.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    services::build(workspace, false)?;
    for (path, text) in made(workspace)? {
        fs::write(workspace.root().join(path), text).with_context(|| format!("cannot write {path}"))?;
        say!("{path}");
    }
    Ok(())
}

/// Everything that documents are checked for.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    check_written(workspace)?;
    check_made(workspace)
}

/// Fails when a document that is made of the code is not up to date. Builds the programs.
pub(crate) fn check_made(workspace: &Workspace) -> Result<()> {
    services::build(workspace, false)?;
    for (path, text) in made(workspace)? {
        let committed = fs::read_to_string(workspace.root().join(path)).unwrap_or_default();
        ensure!(
            committed == text,
            "{path} is not up to date; run `cargo xtask docs`\n{}",
            first_difference(&committed, &text)
        );
    }
    say!("the configuration reference and the OpenAPI document are up to date");
    Ok(())
}

/// Fails when a document names what does not exist. Builds nothing.
pub(crate) fn check_written(workspace: &Workspace) -> Result<()> {
    let documents = documents(workspace)?;
    let index = RustIndex::read(workspace)?;
    let mut wrong = links::wrong(workspace.root(), &documents);
    wrong.extend(names::wrong(workspace.root(), &documents, &index));
    wrong.extend(traceability::wrong(&documents, &index));
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    say!("{} documents name what exists", documents.len());
    Ok(())
}

fn made(workspace: &Workspace) -> Result<[(&'static str, String); 2]> {
    Ok([
        ("docs/configuration.md", configuration::text(workspace)?),
        ("docs/openapi.json", openapi::text(workspace)?),
    ])
}

/// Every Markdown file of the repository.
fn documents(workspace: &Workspace) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    let mut folders = vec![workspace.root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                let hidden = name.starts_with('.') && name != ".github";
                if !hidden && !NOT_OURS.contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path)?;
                let path = relative(workspace.root(), &path);
                documents.push(Document { path, text });
            }
        }
    }
    documents.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(documents)
}

fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_path_buf()
}

fn first_difference(committed: &str, made: &str) -> String {
    let mut lines = committed.lines().zip(made.lines());
    match lines.find(|(committed, made)| committed != made) {
        Some((committed, made)) => format!("there: {committed}\nnow:   {made}"),
        None => "one ends where the other goes on".to_owned(),
    }
}
