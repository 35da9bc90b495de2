//! `.env.example` names every setting and none that nobody reads.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, ensure};

use crate::workspace::Workspace;

/// Files other than the `config.rs` of each service that name settings.
const ALSO: [&str; 10] = [
    "crates/common/src/config.rs",
    "crates/common/src/db.rs",
    "crates/common/src/jwt.rs",
    "crates/common/src/redis/mod.rs",
    "crates/common/src/telemetry.rs",
    "crates/outbox/src/config.rs",
    "crates/simulators/src/config.rs",
    "services/event/src/posters.rs",
    "services/user/src/personal_data.rs",
    "services/user/src/providers/social/config.rs",
];

/// What looks like a setting and is none: Cargo's own variable and an example in a test.
const NOT_SETTINGS: [&str; 2] = ["CARGO_PKG_VERSION", "RATE_LIMIT_LOGIN"];

/// Settings whose names the code puts together.
const COMPOSED: [&str; 7] = [
    "INTERNAL_KEY_",
    "DB_PASSWORD_",
    "_PREVIOUS",
    "_SERVICE_URL",
    "OAUTH_KAKAO_",
    "OAUTH_NAVER_",
    "OAUTH_GOOGLE_",
];

/// Fails when a setting is missing in `.env.example`, or is there and nowhere else.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let example = fs::read_to_string(workspace.root().join(".env.example"))?;
    let documented: BTreeSet<&str> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .collect();

    let mut files: Vec<_> = ALSO.iter().map(|file| workspace.root().join(file)).collect();
    for service in fs::read_dir(workspace.root().join("services"))? {
        files.push(service?.path().join("src/config.rs"));
    }
    let mut read = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        read.extend(quoted_names(code).map(str::to_owned));
    }
    let missing: Vec<_> = read
        .iter()
        .filter(|name| !documented.contains(name.as_str()) && !NOT_SETTINGS.contains(&name.as_str()))
        .collect();
    ensure!(missing.is_empty(), "not in .env.example: {missing:?}");

    let sources = workspace.sources()?;
    let unread: Vec<_> = documented
        .iter()
        .filter(|name| !COMPOSED.iter().any(|part| name.contains(part)))
        .filter(|name| !sources.iter().any(|(_, text)| text.contains(&format!("\"{name}\""))))
        .collect();
    ensure!(unread.is_empty(), "in .env.example, but nothing reads them: {unread:?}");
    say!("{} settings are as in .env.example", documented.len());
    Ok(())
}

/// String literals that are written as variables are: `"HOLD_TTL_SECONDS"`.
fn quoted_names(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').skip(1).step_by(2).filter(|text| {
        text.contains('_')
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_from_other_text() {
        let code = r#"env.parse_or("HOLD_TTL_SECONDS", 1)?; "not one"; "_X"; "Y""#;
        assert_eq!(quoted_names(code).collect::<Vec<_>>(), ["HOLD_TTL_SECONDS"]);
    }
}
