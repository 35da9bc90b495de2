//! `.env.example`: sections, variables, and in the comment above each variable what it means.

use anyhow::{Result, bail, ensure};

/// Under one `# --- Title ---`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) title: String,
    /// The comment at its beginning, which an empty line ends.
    pub(super) about: String,
    pub(super) variables: Vec<Variable>,
}

/// One `NAME=value`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) meaning: String,
}

/// Reads the file. What stands before the first section is about the file.
pub(super) fn parse(text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    let mut comment = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(title) = line.strip_prefix("# ---") {
            comment.clear();
            sections.push(Section {
                title: title.trim_matches(['-', ' ']).to_owned(),
                about: String::new(),
                variables: Vec::new(),
            });
        } else if let Some(words) = line.strip_prefix('#') {
            comment.push(words.trim());
        } else if line.is_empty() {
            let about = std::mem::take(&mut comment).join(" ");
            match sections.last_mut() {
                Some(section) if section.variables.is_empty() && section.about.is_empty() => section.about = about,
                Some(section) => ensure!(about.is_empty(), "{}: `{about}` is about no variable", section.title),
                None => {}
            }
        } else if let (Some((name, value)), Some(section)) = (line.split_once('='), sections.last_mut()) {
            ensure!(
                !comment.is_empty(),
                ".env.example: say in a comment above {name} what it means"
            );
            section.variables.push(Variable {
                name: name.to_owned(),
                value: value.to_owned(),
                meaning: std::mem::take(&mut comment).join(" "),
            });
        } else {
            bail!(".env.example: `{line}` is neither a comment nor NAME=value below a section");
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_the_variable_below_or_to_the_section() {
        let text =
            "# The file.\n\n# --- Queue ------\n# About it,\n# all.\n\n# How many.\nMAX=5\n# Why\n# not.\nMIN=\n";
        let sections = parse(text).unwrap();
        assert_eq!(sections.len(), 1);
        assert_eq!(
            (sections[0].title.as_str(), sections[0].about.as_str()),
            ("Queue", "About it, all.")
        );
        let variables: Vec<_> = sections[0]
            .variables
            .iter()
            .map(|v| (v.name.as_str(), v.value.as_str(), v.meaning.as_str()))
            .collect();
        assert_eq!(variables, [("MAX", "5", "How many."), ("MIN", "", "Why not.")]);
    }

    #[test]
    fn a_variable_without_a_word_and_a_word_without_a_variable_are_refused() {
        assert!(parse("# --- A ---\nB=1\n").unwrap_err().to_string().contains("above B"));
        assert!(parse("# --- A ---\n# B.\nB=1\n# Lost.\n\n# C.\nC=\n").is_err());
        assert!(parse("# --- A ---\nB\n").is_err());
    }
}
