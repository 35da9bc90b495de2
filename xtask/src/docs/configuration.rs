//! `docs/configuration.md`. Which variables there are, who reads them, their kinds and defaults is told by the programs
//! themselves (`<program> settings`); what they mean stands in `.env.example`, whose values must be the programs' defaults.
//! Variables of tests and of this program are known by their names in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::example::{self, Section, Variable};
use super::table;
use crate::workspace::{Workspace, run_quietly};

/// What variables of tests and of this program begin with, but for some of tests.
const OURS: &str = "TICKET_QUEUE_";

/// The programs that tell, with their short names.
const PROGRAMS: [(&str, &str); 8] = [
    ("gateway", "gateway"),
    ("user-service", "user"),
    ("event-service", "event"),
    ("queue-service", "queue"),
    ("reservation-service", "reservation"),
    ("payment-service", "payment"),
    ("simulators", "simulators"),
    ("ticketctl", "ticketctl"),
];

/// A variable as one program sees it (`common::settings`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Setting {
    pub(super) kind: String,
    pub(super) default: Option<String>,
    pub(super) prod_default: Option<String>,
    pub(super) explained: Option<String>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) live: bool,
    #[serde(default)]
    pub(super) previous: bool,
}

/// By variable, then by program.
pub(super) type Readers = BTreeMap<String, Vec<(&'static str, Setting)>>;

/// The document.
pub(super) fn text(workspace: &Workspace) -> Result<String> {
    let sections = sections(workspace)?;
    let readers = readers(workspace)?;
    check(&sections, &readers)?;
    let used = used_by_tools(workspace, &sections, &readers)?;
    Ok(table::document(&sections, &readers, &used))
}

fn sections(workspace: &Workspace) -> Result<Vec<Section>> {
    let text = fs::read_to_string(workspace.root().join(".env.example")).context("cannot read .env.example")?;
    example::parse(&text)
}

fn readers(workspace: &Workspace) -> Result<Readers> {
    let binaries = workspace.binaries(false)?;
    let mut readers = Readers::new();
    for (program, name) in PROGRAMS {
        let told = run_quietly(Command::new(binaries.join(program)).arg("settings"))?;
        let told: BTreeMap<String, Setting> =
            serde_json::from_str(&told).with_context(|| format!("{program} settings"))?;
        for (variable, setting) in told {
            readers.entry(variable).or_default().push((name, setting));
        }
    }
    Ok(readers)
}

/// Fails when `.env.example` leaves a variable out or has another value than the code.
fn check(sections: &[Section], readers: &Readers) -> Result<()> {
    let variables = || sections.iter().flat_map(|section| &section.variables);
    let mut known = BTreeSet::new();
    for variable in variables() {
        ensure!(known.insert(&variable.name), ".env.example has {} twice", variable.name);
    }
    let missing: Vec<_> = readers.keys().filter(|name| !known.contains(name)).collect();
    ensure!(missing.is_empty(), "not in .env.example: {missing:?}");
    let wrong: Vec<_> = variables()
        .filter_map(|variable| Some((variable, expected(readers.get(&variable.name)?))))
        .filter(|(variable, expected)| variable.value != *expected)
        .map(|(variable, expected)| format!("{}={expected}", variable.name))
        .collect();
    ensure!(
        wrong.is_empty(),
        "by the code's defaults, .env.example must say\n{}",
        wrong.join("\n")
    );
    Ok(())
}

/// What `.env.example` must say: the default, if there is one for all who read it.
fn expected<'a>(settings: &'a [(&str, Setting)]) -> &'a str {
    let Some(((_, first), others)) = settings.split_first() else {
        return "";
    };
    let is_one = others.iter().all(|(_, other)| other.default == first.default);
    let explained = settings.iter().any(|(_, setting)| setting.explained.is_some());
    match &first.default {
        Some(default) if is_one && !explained => default,
        _ => "",
    }
}

/// Our own variables that sources name.
fn ours(sources: &str) -> impl Iterator<Item = &str> {
    let names = sources
        .split('"')
        .filter(|text| text.starts_with(OURS) && text.len() > OURS.len());
    names.filter(|text| text.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// Variables that no program tells about, with whose sources name them.
fn used_by_tools(
    workspace: &Workspace,
    sections: &[Section],
    readers: &Readers,
) -> Result<BTreeMap<String, Vec<&'static str>>> {
    let mut sources = Vec::new();
    for (name, folder) in [
        ("xtask", "xtask"),
        ("tests", "system-tests"),
        ("tests", "crates"),
        ("tests", "services"),
    ] {
        let files = workspace.rust_files(&[folder])?;
        sources.push((name, files.into_iter().map(|(_, text)| text).collect::<String>()));
    }
    let known: BTreeSet<_> = sections
        .iter()
        .flat_map(|section| &section.variables)
        .map(|variable| variable.name.as_str())
        .collect();
    let missing: BTreeSet<_> = sources
        .iter()
        .flat_map(|(_, text)| ours(text))
        .filter(|name| !known.contains(name))
        .collect();
    ensure!(missing.is_empty(), "not in .env.example: {missing:?}");
    let mut used = BTreeMap::new();
    for Variable { name, .. } in sections.iter().flat_map(|section| &section.variables) {
        if readers.contains_key(name) {
            continue;
        }
        let literal = format!("\"{name}\"");
        let mut users: Vec<_> = sources
            .iter()
            .filter(|(_, text)| text.contains(&literal))
            .map(|(user, _)| *user)
            .collect();
        users.dedup();
        ensure!(!users.is_empty(), "in .env.example, but nothing reads it: {name}");
        used.insert(name.clone(), users);
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(default: Option<&str>, explained: Option<&str>) -> Setting {
        Setting {
            kind: "wholeNumber".to_owned(),
            default: default.map(str::to_owned),
            prod_default: None,
            explained: explained.map(str::to_owned),
            required: false,
            live: false,
            previous: false,
        }
    }

    fn sections(value: &str) -> Vec<Section> {
        example::parse(&format!("# --- A ---\n# Meaning.\nLIMIT={value}\n")).unwrap()
    }

    #[test]
    fn the_example_has_the_default_of_all_who_read_it() {
        let one = |default| Readers::from([("LIMIT".to_owned(), vec![("user", setting(Some(default), None))])]);
        check(&sections("5"), &one("5")).unwrap();
        let wrong = check(&sections("5"), &one("6")).unwrap_err().to_string();
        assert!(wrong.ends_with("LIMIT=6"), "{wrong}");
    }

    #[test]
    fn it_has_no_value_where_programs_differ_or_words_explain_it() {
        let two = vec![("user", setting(Some("5"), None)), ("event", setting(Some("6"), None))];
        check(&sections(""), &Readers::from([("LIMIT".to_owned(), two)])).unwrap();
        let explained = vec![("user", setting(Some("8"), Some("one per core")))];
        check(&sections(""), &Readers::from([("LIMIT".to_owned(), explained)])).unwrap();
    }

    #[test]
    fn our_own_variables_are_told_from_other_text() {
        let text = "var(\"TICKET_QUEUE_SEED\"), \"TICKET_QUEUE_\", \"TICKET_QUEUE_<NAME>\", \"OTHER\"";
        assert_eq!(ours(text).collect::<Vec<_>>(), ["TICKET_QUEUE_SEED"]);
    }

    #[test]
    fn a_variable_that_is_missing_or_there_twice_is_told() {
        let readers = Readers::from([("OTHER".to_owned(), vec![("user", setting(None, None))])]);
        assert!(
            check(&sections(""), &readers)
                .unwrap_err()
                .to_string()
                .contains("OTHER")
        );
        let twice = example::parse("# --- A ---\n# M.\nB=\n# M.\nB=\n").unwrap();
        assert!(
            check(&twice, &Readers::new())
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
    }
}
