//! `cargo xtask logs`: the ends of the logs, and what is added to them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::last_lines;
use crate::workspace::Workspace;

/// How many lines of each log are shown.
const LINES: usize = 40;

/// Shows the end of one log or of all, and follows them when asked to, until interrupted.
pub(crate) fn show(workspace: &Workspace, only: Option<&str>, follow: bool) -> Result<()> {
    let names = names(workspace)?;
    if let Some(name) = only {
        ensure!(
            names.iter().any(|known| known == name),
            "there is no log {name:?}, only {}",
            names.join(", ")
        );
    }
    let shown: Vec<_> = names
        .into_iter()
        .filter(|name| only.is_none_or(|only| only == name))
        .collect();
    let mut positions = BTreeMap::new();
    for name in &shown {
        let path = workspace.log(name);
        positions.insert(name.clone(), path.metadata()?.len());
        if shown.len() > 1 {
            say!("── {name} ── {}", path.display());
        }
        say!("{}", last_lines(&path, LINES));
    }
    if !follow {
        return Ok(());
    }
    loop {
        for (name, position) in &mut positions {
            let mut file = File::open(workspace.log(name))?;
            // A log that became shorter was begun anew.
            *position = (*position).min(file.metadata()?.len());
            file.seek(SeekFrom::Start(*position))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            // A line still being written is left for the next look.
            let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            *position += u64::try_from(complete)?;
            for line in String::from_utf8_lossy(&bytes[..complete]).lines() {
                if shown.len() > 1 {
                    say!("{name:<12} {line}");
                } else {
                    say!("{line}");
                }
            }
        }
        sleep(Duration::from_millis(200));
    }
}

fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in workspace.dev().join("logs").read_dir()? {
        let path = entry?.path();
        if let (Some(stem), Some("log")) = (
            path.file_stem(),
            path.extension().and_then(|extension| extension.to_str()),
        ) {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
