//! `docs/traceability.md`: which code and which tests answer to each requirement of the design document.

use std::collections::BTreeSet;
use std::path::Path;

use super::Document;
use super::names::quoted;
use super::rust_index::RustIndex;

const DOCUMENT: &str = "docs/traceability.md";

/// The ids that the design document names; it is no part of this repository.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// A row without a test says one of these, and why.
const EXCUSES: [&str; 3] = ["no test:", "not built:", "by others:"];

/// One row of the tables.
struct Row<'a> {
    id: &'a str,
    code: &'a str,
    tests: &'a str,
    remark: &'a str,
}

/// What the document leaves out or gets wrong, as sentences. Paths and links in it are looked at with those of all documents.
pub(super) fn wrong(documents: &[Document], index: &RustIndex) -> Vec<String> {
    let Some(document) = documents.iter().find(|document| document.path == Path::new(DOCUMENT)) else {
        return vec![format!("{DOCUMENT} is missing")];
    };
    let mut missing: BTreeSet<_> = REQUIREMENTS.lines().collect();
    let mut wrong = Vec::new();
    for row in rows(&document.text) {
        if !missing.remove(row.id) {
            wrong.push(format!("{} is there twice, or is no requirement", row.id));
        }
        let tests = quoted(row.tests);
        for test in tests.iter().filter(|test| !index.has_test(test)) {
            wrong.push(format!("{}: there is no test `{test}`", row.id));
        }
        let excused = EXCUSES.iter().any(|excuse| row.remark.contains(excuse));
        if !excused && (tests.is_empty() || quoted(row.code).is_empty()) {
            wrong.push(format!("{} has no code or no test, and does not say why", row.id));
        }
    }
    wrong.extend(missing.iter().map(|id| format!("{id} is missing")));
    wrong.iter().map(|sentence| format!("{DOCUMENT}: {sentence}")).collect()
}

fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| REQ-")?.split('|').map(str::trim);
        let id = cells.next()?;
        let _asked = cells.next()?;
        Some(Row {
            id: &line[2..line.find(id)? + id.len()],
            code: cells.next()?,
            tests: cells.next()?,
            remark: cells.next().unwrap_or_default(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn told(rows: &str) -> Vec<String> {
        let document = Document {
            path: PathBuf::from(DOCUMENT),
            text: format!("| id | asks | code | tests | remark |\n|---|---|---|---|---|\n{rows}"),
        };
        let mut index = RustIndex::default();
        index.add(
            Path::new("services/user/tests/it/login.rs"),
            "#[test]\nfn it_works() {}\n",
        );
        let told = wrong(&[document], &index);
        told.into_iter()
            .filter(|sentence| !sentence.ends_with(" is missing"))
            .collect()
    }

    #[test]
    fn a_row_with_code_and_a_test_or_an_excuse_is_right() {
        let rows = "| REQ-AUTH-001 | x | `services/user` | `user::login::it_works` | |\n| REQ-AUTH-002 | x | | | not built: no need |\n";
        assert_eq!(told(rows), Vec::<String>::new());
    }

    #[test]
    fn dead_tests_and_rows_without_any_are_told() {
        assert!(
            told("| REQ-AUTH-001 | x | `a` | `user::login::gone` | |\n")[0].contains("no test `user::login::gone`")
        );
        assert!(told("| REQ-AUTH-001 | x | `a` | | |\n")[0].contains("does not say why"));
        assert!(told("| REQ-NONE-001 | x | `a` | `user::login` | |\n")[0].contains("no requirement"));
    }

    #[test]
    fn every_requirement_must_be_there() {
        let nothing = Document {
            path: PathBuf::from(DOCUMENT),
            text: String::new(),
        };
        let told = wrong(&[nothing], &RustIndex::default());
        assert_eq!(told.len(), 70);
        assert!(told[0].ends_with("REQ-AUTH-001 is missing"), "{told:?}");
    }
}
