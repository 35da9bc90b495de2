//! The names in the sources: crate, modules, and what is defined in them, as a path. Read line by line, which is enough for
//! code that rustfmt has formatted.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::Result;

use super::relative;
use crate::workspace::Workspace;

/// What introduces a name.
const KEYWORDS: [&str; 9] = [
    "fn ", "struct ", "enum ", "trait ", "type ", "const ", "static ", "mod ", "union ",
];

/// What may stand in front of that.
const QUALIFIERS: [&str; 7] = [
    "pub(crate) ",
    "pub(super) ",
    "pub ",
    "async ",
    "const ",
    "unsafe ",
    "extern ",
];

/// All names, each with the modules it lies in.
#[derive(Default)]
pub(super) struct RustIndex {
    paths: BTreeSet<Vec<String>>,
    /// The paths in which a name stands, to look there only.
    holding: HashMap<String, HashSet<usize>>,
    list: Vec<Vec<String>>,
    tests: BTreeSet<String>,
}

impl RustIndex {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let mut index = Self::default();
        for (path, text) in workspace.rust_files(&["crates", "services", "system-tests", "xtask"])? {
            index.add(&relative(workspace.root(), &path), &text);
        }
        Ok(index)
    }

    /// Whether these names follow one another in some path: `crash::paying`, `conversions::a_test`.
    pub(super) fn has(&self, name: &str) -> bool {
        let wanted: Vec<_> = name.split("::").collect();
        let Some(places) = self.holding.get(wanted[wanted.len() - 1]) else {
            return false;
        };
        let fits = |place: &usize| self.list[*place].windows(wanted.len()).any(|part| part == wanted);
        places.iter().any(fits)
    }

    /// Whether it is a test, or a module with tests, named in full: `user::register::a_visitor_registers`.
    pub(super) fn has_test(&self, name: &str) -> bool {
        let below = format!("{name}::");
        self.tests.contains(name)
            || self
                .tests
                .range(below.clone()..)
                .next()
                .is_some_and(|test| test.starts_with(&below))
    }

    pub(super) fn add(&mut self, path: &Path, text: &str) {
        let modules = modules(path);
        self.insert(modules.clone());
        // Modules inside the file, each with the column its block began in.
        let mut inner: Vec<(usize, String)> = Vec::new();
        let mut is_test = false;
        for line in text.lines() {
            let code = line.trim_start();
            let column = line.len() - code.len();
            if code.starts_with('}') {
                inner.retain(|(begun, _)| *begun < column);
            }
            if code.starts_with("#[test]") || code.starts_with("#[tokio::test") {
                is_test = true;
            }
            let Some((keyword, name)) = defined(code) else {
                continue;
            };
            let mut full = modules.clone();
            full.extend(inner.iter().map(|(_, name)| name.clone()));
            full.push(name.to_owned());
            if keyword == "fn " && std::mem::take(&mut is_test) {
                self.tests.insert(full.join("::"));
            }
            if keyword == "mod " && code.ends_with('{') {
                inner.push((column, name.to_owned()));
            }
            self.insert(full);
        }
    }

    fn insert(&mut self, path: Vec<String>) {
        if self.paths.insert(path.clone()) {
            for name in &path {
                self.holding.entry(name.clone()).or_default().insert(self.list.len());
            }
            self.list.push(path);
        }
    }
}

/// The package's short name and the modules of a file. Of `tests/it/main.rs` and its modules the program's name is left out, so
/// that a test is called as `cargo test` calls it: `services/user/tests/it/login.rs` is `user::login`.
fn modules(path: &Path) -> Vec<String> {
    let mut parts: Vec<_> = path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().replace('-', "_"))
        .collect();
    let package = match parts.first().map(String::as_str) {
        Some("crates" | "services") if parts.len() > 2 => parts.drain(..2).nth(1),
        _ => Some(parts.remove(0)),
    };
    let package = package
        .map(|name| name.replace("system_tests", "system"))
        .unwrap_or_default();
    let inside = match parts.first().map(String::as_str) {
        Some("tests") if parts.get(1).is_some_and(|program| program == "it") => 2,
        Some("src" | "tests" | "benches") => 1,
        _ => 0,
    };
    parts.drain(..inside.min(parts.len()));
    if parts
        .last()
        .is_some_and(|name| matches!(name.as_str(), "mod" | "main" | "lib"))
    {
        parts.pop();
    }
    parts.insert(0, package);
    parts
}

/// The keyword and the name of what a line defines.
fn defined(mut code: &str) -> Option<(&'static str, &str)> {
    loop {
        // `const fn` is a function, so what qualifies is looked at first.
        if let Some(rest) = QUALIFIERS.iter().find_map(|qualifier| code.strip_prefix(qualifier))
            && KEYWORDS.iter().chain(&QUALIFIERS).any(|next| rest.starts_with(next))
        {
            code = rest;
            continue;
        }
        let (keyword, rest) = KEYWORDS
            .iter()
            .find_map(|keyword| code.strip_prefix(keyword).map(|rest| (*keyword, rest)))?;
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        return (end > 0).then(|| (keyword, &rest[..end]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(path: &str, text: &str) -> RustIndex {
        let mut index = RustIndex::default();
        index.add(Path::new(path), text);
        index
    }

    #[test]
    fn a_test_is_found_by_its_full_name_and_by_its_module() {
        let text = "#[tokio::test(flavor = \"multi_thread\")]\nasync fn a_seat_is_held() {}\nfn helper() {}\n";
        let index = index("services/user/tests/it/holds/main.rs", text);
        assert!(index.has_test("user::holds::a_seat_is_held"));
        assert!(index.has_test("user::holds"));
        assert!(!index.has_test("user::holds::helper"));
        assert!(!index.has_test("user::hold"));
        assert!(index.has("holds::helper"));
        assert!(!index.has("holds::gone"));
    }

    #[test]
    fn modules_of_a_file_have_an_end() {
        let text = "pub(crate) const fn first() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn one() {}\n}\npub struct After;\n";
        let index = index("crates/common/src/redis/mod.rs", text);
        assert!(index.has("common::redis::first"));
        assert!(index.has_test("common::redis::tests::one"));
        assert!(index.has("redis::After"));
        assert!(!index.has("tests::After"));
    }
}
