//! Paths and Rust names in backquotes. Only what can be told reliably is looked at: a path that begins with one of the
//! repository's own folders, and names with `::` that begin with none of a library's.

use std::path::Path;

use pulldown_cmark::{Event, Options, Parser};

use super::Document;
use super::rust_index::RustIndex;

/// What is named for its history, and not for what is there now.
const HISTORY: [&str; 1] = ["docs/roadmap.md"];

/// First parts of names that are not in our sources.
const LIBRARIES: [&str; 12] = [
    "std", "core", "alloc", "tokio", "axum", "sqlx", "redis", "rdkafka", "hyper", "serde", "proptest", "tracing",
];

/// Each name of what does not exist, as a sentence.
pub(super) fn wrong(root: &Path, documents: &[Document], index: &RustIndex) -> Vec<String> {
    let mut wrong = Vec::new();
    for document in documents {
        if HISTORY.iter().any(|history| document.path == Path::new(history)) {
            continue;
        }
        for code in quoted(&document.text) {
            if let Some(path) = path(root, &code).filter(|path| !root.join(path).exists()) {
                wrong.push(format!("{}: there is no file `{path}`", document.path.display()));
            }
            if let Some(name) = rust_name(&code).filter(|name| !index.has(to_type(name))) {
                wrong.push(format!("{}: no source has the name `{name}`", document.path.display()));
            }
        }
    }
    wrong
}

/// The code spans of a text; blocks of code are examples.
pub(super) fn quoted(text: &str) -> Vec<String> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
        .filter_map(|event| match event {
            Event::Code(code) => Some(code.into_string()),
            _ => None,
        })
        .collect()
}

/// The path that a code span is, if it is one of this repository's.
fn path<'a>(root: &Path, code: &'a str) -> Option<&'a str> {
    let (first, _) = code.split_once('/')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    (!first.is_empty() && code.chars().all(is_plain) && is_versioned(root, first)).then_some(code)
}

/// A folder at the root that is ours, not one in which things come and go.
fn is_versioned(root: &Path, first: &str) -> bool {
    !matches!(first, "." | ".." | "target" | ".dev" | ".git") && root.join(first).is_dir()
}

/// The name that a code span is: `module::item`, nothing generic, no call with arguments.
fn rust_name(code: &str) -> Option<&str> {
    let name = code.strip_suffix("()").unwrap_or(code);
    let mut parts = name.split("::");
    let is_identifier = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let first = parts.next()?;
    let ours = is_identifier(first) && !LIBRARIES.contains(&first);
    (ours && name.contains("::") && parts.all(is_identifier)).then_some(name)
}

/// The name as far as its first type: what a type has is not in the index.
fn to_type(name: &str) -> &str {
    let mut end = 0;
    for part in name.split("::") {
        end += part.len();
        if part.starts_with(|c: char| c.is_ascii_uppercase()) {
            break;
        }
        end += "::".len();
    }
    &name[..end.min(name.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_are_told_from_other_code() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(path(root, "src/main.rs"), Some("src/main.rs"));
        assert_eq!(path(root, "src/<service>/main.rs"), None);
        assert_eq!(path(root, "application/json"), None);
        assert_eq!(path(root, "/src/main.rs"), None);
        assert_eq!(path(root, "../src/main.rs"), None);
        assert_eq!(rust_name("crash::paying"), Some("crash::paying"));
        assert_eq!(rust_name("Workers::new()"), Some("Workers::new"));
        assert_eq!(rust_name("crash::point(\"x\")"), None);
        assert_eq!(rust_name("tokio::spawn"), None);
        assert_eq!(rust_name("crash"), None);
        assert_eq!(to_type("common::Clock::system"), "common::Clock");
        assert_eq!(to_type("Topic::partitions"), "Topic");
        assert_eq!(to_type("crash::paying"), "crash::paying");
    }
}
