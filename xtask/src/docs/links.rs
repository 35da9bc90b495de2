//! Relative links and anchors in Markdown files.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::Document;

/// Each link that leads nowhere, as a sentence.
pub(super) fn wrong(root: &Path, documents: &[Document]) -> Vec<String> {
    let anchors: BTreeMap<_, _> = documents
        .iter()
        .map(|document| (document.path.clone(), anchors(&document.text)))
        .collect();
    let mut wrong = Vec::new();
    for document in documents {
        for link in links(&document.text) {
            if let Some(why) = fault(root, &document.path, &link, &anchors) {
                wrong.push(format!("{}: the link `{link}` {why}", document.path.display()));
            }
        }
    }
    wrong
}

fn fault(root: &Path, from: &Path, link: &str, anchors: &BTreeMap<PathBuf, Vec<String>>) -> Option<&'static str> {
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() {
        from.to_path_buf()
    } else {
        let folder = from.parent().unwrap_or(Path::new(""));
        match normalised(&folder.join(path)) {
            Some(target) => target,
            None => return Some("leads out of the repository"),
        }
    };
    if !anchors.contains_key(&target) && !root.join(&target).exists() {
        return Some("leads to no file");
    }
    match (anchor, anchors.get(&target)) {
        (Some(anchor), Some(there)) if !there.iter().any(|known| known == anchor) => Some("leads to no heading"),
        _ => None,
    }
}

/// Without `.` and `..`; nothing if it leaves the repository.
fn normalised(path: &Path) -> Option<PathBuf> {
    let mut normalised = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => normalised.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !normalised.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normalised)
}

fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES)
}

/// Where the relative links of a text lead.
fn links(text: &str) -> Vec<String> {
    let of_event = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    let is_relative = |link: &String| !link.contains("://") && !link.starts_with("mailto:");
    parse(text).filter_map(of_event).filter(is_relative).collect()
}

/// The anchors that GitHub gives the headings of a text.
fn anchors(text: &str) -> Vec<String> {
    let (mut anchors, mut seen) = (Vec::new(), HashMap::new());
    let mut heading: Option<String> = None;
    for event in parse(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&heading.take().unwrap_or_default());
                let times: &mut usize = seen.entry(anchor.clone()).or_default();
                anchors.push(match *times {
                    0 => anchor,
                    again => format!("{anchor}-{again}"),
                });
                *times += 1;
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(path: &str, text: &str) -> Document {
        Document {
            path: PathBuf::from(path),
            text: text.to_owned(),
        }
    }

    #[test]
    fn links_to_files_and_headings_that_are_there_are_right() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let documents = [document(
            "src/a.md",
            "# What `it` is, really?\n\n## Twice\n\n## Twice\n\n[a](main.rs) [b](../Cargo.toml) [c](#what-it-is-really) [d](a.md#twice-1) \
             [e](https://example.com/gone)",
        )];
        assert_eq!(wrong(root, &documents), Vec::<String>::new());
    }

    #[test]
    fn dead_links_and_anchors_are_told() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let documents = [document(
            "src/a.md",
            "# One\n\n[a](gone.rs) [b](../../../x) [c](#two) ![d](gone.png)\n\n[e]: gone.md\n[e]",
        )];
        let told = wrong(root, &documents);
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[0].contains("`gone.rs` leads to no file"), "{told:?}");
        assert!(told[2].contains("leads to no heading"), "{told:?}");
    }
}
