//! `cargo xtask guide`: runs the examples of the API guide in order, as a reader would, and compares the replies with those
//! that the guide shows.

mod compare;
mod examples;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use self::compare::{Reply, differences};
use self::examples::Example;
use crate::infra::tools;
use crate::ports::Ports;
use crate::services;
use crate::state::State;
use crate::visit::Visit;
use crate::workspace::Workspace;

/// Runs them. The exit code says whether everything was as the guide says.
pub(crate) async fn run(workspace: &Workspace, ports: &Ports, file: &Path) -> Result<ExitCode> {
    tools::ensure(&[tools::CURL, tools::JQ])?;
    let path = workspace.root().join(file);
    let guide = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let examples = examples::parse(&guide)?;

    let visit = Visit::begin(workspace, ports, false, &[]).await?;
    let complaints = walk(workspace, &visit.state, &examples);
    visit.end(workspace, ports).await?;
    let complaints = complaints?;
    for complaint in &complaints {
        say!("{}:{complaint}", file.display());
    }
    if complaints.is_empty() {
        let replies = examples.iter().filter(|example| example.reply.is_some()).count();
        say!(
            "{} examples ran, {replies} replies are as the guide says.",
            examples.len()
        );
    }
    Ok(if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs all examples in one shell, and tells what is not as the guide says, each with its line.
fn walk(workspace: &Workspace, state: &State, examples: &[Example]) -> Result<Vec<String>> {
    let home = workspace.dev().join("guide");
    let (replies, folder) = (home.join("replies"), home.join("work"));
    if home.exists() {
        fs::remove_dir_all(&home).context("cannot remove what the last run left")?;
    }
    fs::create_dir_all(&replies)?;
    fs::create_dir_all(&folder)?;
    let script = home.join("script.sh");
    fs::write(&script, session(examples))?;

    let mut bash = Command::new("bash");
    bash.arg(&script).current_dir(&folder).env("GUIDE_REPLIES", &replies);
    bash.env("API", &state.gateway).env("SIMULATORS", &state.simulators);
    bash.env("ADMIN_EMAIL", &state.admin.email)
        .env("ADMIN_PASSWORD", &state.admin.password);
    if state.gateway.starts_with("https:") {
        bash.env("CURL_CA_BUNDLE", services::tls_authority(workspace));
    }
    let output = bash.output().context("cannot start bash")?;

    // In their order, so that the first difference is told before what it led to.
    let ended = fs::read_to_string(replies.join("ended")).unwrap_or_default();
    let mut complaints = Vec::new();
    for example in examples {
        let line = example.line;
        if !ended.lines().any(|done| done == line.to_string()) {
            let (last, said) = (last_reply(&replies), String::from_utf8_lossy(&output.stderr));
            complaints.push(format!("{line}: the example failed ({})\n{said}{last}", output.status));
            break;
        }
        complaints.extend(judge(&replies, example));
    }
    Ok(complaints)
}

/// The script that the shell runs.
fn session(examples: &[Example]) -> String {
    let mut script = include_str!("session.sh").to_owned();
    for Example {
        line, script: example, ..
    } in examples
    {
        // Writing to a String cannot fail.
        let _ = write!(script, "\nguide_example {line}\n{example}guide_example_ended\n");
    }
    script
}

/// Compares the last reply of an example with what is promised; without a promise it must only be no error.
fn judge(replies: &Path, example: &Example) -> Vec<String> {
    let read = |what: &str| fs::read_to_string(replies.join(format!("{}.{what}", example.line)));
    let reply = match (read("head"), read("body")) {
        (Ok(head), Ok(body)) => Some(Reply::parse(&head, &body)),
        _ => None,
    };
    let (line, found, reply) = match (&example.reply, reply) {
        (None, Some(reply)) if reply.status >= 400 => {
            let found = vec![format!("the status is {}, and the guide shows no error", reply.status)];
            (example.line, found, reply)
        }
        (None, _) => return Vec::new(),
        (Some(promise), None) => return vec![format!("{}: nothing was asked", promise.line)],
        (Some(promise), Some(reply)) => (promise.line, differences(promise, &reply), reply),
    };
    if found.is_empty() {
        return Vec::new();
    }
    vec![format!("{line}: {}\n{}", found.join("; "), reply.body)]
}

/// What came back before an example failed.
fn last_reply(replies: &Path) -> String {
    let read = |name| fs::read_to_string(replies.join(name)).unwrap_or_default();
    format!("{}{}", read("head"), read("body"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_run_in_one_shell_and_what_they_leave_is_judged() {
        let home = std::env::temp_dir().join(format!("guide-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(&home).unwrap();
        let guide = "```bash\nA=1\n```\n```bash\n[ \"$A\" = 1 ]\nprintf 'HTTP/1.1 200 OK\\r\\n\\r\\n' >$GUIDE_REPLIES/head\n\
                     echo '{\"a\": 1}' >$GUIDE_REPLIES/body\n```\n```http\nHTTP/1.1 200\n\n{\"a\": 2}\n```\n```bash\nfalse\n```\n";
        let examples = examples::parse(guide).unwrap();
        let script = home.join("script.sh");
        fs::write(&script, session(&examples)).unwrap();
        let status = Command::new("bash")
            .arg(&script)
            .env("GUIDE_REPLIES", &home)
            .status()
            .unwrap();
        assert!(!status.success(), "the last example fails");
        assert_eq!(fs::read_to_string(home.join("ended")).unwrap(), "2\n5\n");
        assert_eq!(fs::read_to_string(home.join("now")).unwrap(), "15\n");
        assert_eq!(judge(&home, &examples[0]), Vec::<String>::new());
        assert_eq!(judge(&home, &examples[1]), ["10: $.a is 1, not 2\n{\"a\": 1}\n"]);
        fs::remove_dir_all(home).unwrap();
    }
}
