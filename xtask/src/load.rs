//! `cargo xtask load`: the Gatling scenarios of `load-tests/` against the system, and the audit of its books afterwards.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::infra::tools;
use crate::ports::Ports;
use crate::services;
use crate::visit::Visit;
use crate::workspace::{Workspace, run as run_command};

/// All load comes from one address, which the limits would soon refuse.
const NEEDED: [(&str, &str); 1] = [("RATE_LIMIT_PROFILE", "loadtest")];

/// What can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// 50,000 come in ten seconds and wait.
    Queue,
    /// A thousand reach for fifty seats at once.
    Seats,
    /// Ten buyers a second pay.
    Payments,
}

impl Scenario {
    fn class(self) -> &'static str {
        match self {
            Self::Queue => "ticketqueue.QueueSimulation",
            Self::Seats => "ticketqueue.SeatsSimulation",
            Self::Payments => "ticketqueue.PaymentsSimulation",
        }
    }

    /// How many buyers a scenario has if nothing else is said.
    fn buyers(self) -> usize {
        match self {
            Self::Queue => 50_000,
            Self::Seats => 1_000,
            Self::Payments => 600,
        }
    }
}

/// How the load shall be.
#[derive(Debug)]
pub(crate) struct Options {
    /// Which; all of them if none is named.
    pub(crate) scenarios: Vec<Scenario>,
    /// Small numbers.
    pub(crate) short: bool,
    /// Optimised binaries, unless a system runs already.
    pub(crate) release: bool,
    /// For Maven.
    pub(crate) arguments: Vec<String>,
}

impl Options {
    fn scenarios(&self) -> &[Scenario] {
        if self.scenarios.is_empty() {
            Scenario::value_variants()
        } else {
            &self.scenarios
        }
    }

    /// How many buyers there must be for the largest scenario. The same people come to all of them.
    fn buyers(&self) -> usize {
        let property = |name: &str| {
            let words = self.arguments.iter().rev();
            let mut values = words.filter_map(|word| word.strip_prefix("-D")?.strip_prefix(name)?.strip_prefix('='));
            values.next().and_then(|value| value.parse::<f64>().ok())
        };
        let said = property("users").into_iter();
        // `as` stops at the largest number, and makes nothing of what is below zero.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of people"
        )]
        let said = said
            .chain(property("rate").map(|rate| rate * property("duration").unwrap_or(60.0)))
            .map(|count| count.ceil() as usize);
        let usual = self
            .scenarios()
            .iter()
            .map(|scenario| if self.short { SHORT_BUYERS } else { scenario.buyers() });
        usual.chain(said).max().unwrap_or(SHORT_BUYERS)
    }
}

/// More than any scenario has in its short version.
const SHORT_BUYERS: usize = 100;

/// Plays the scenarios. The exit code says whether every criterion was met and the books are in order.
pub(crate) async fn run(workspace: &Workspace, ports: &Ports, options: &Options) -> Result<ExitCode> {
    tools::ensure(&[tools::JAVA_COMPILER, tools::MAVEN])?;
    let visit = Visit::begin(workspace, ports, options.release, &NEEDED).await?;
    let outcome = play_and_audit(workspace, &visit, options).await;
    visit.end(workspace, ports).await?;
    Ok(match outcome {
        Ok(()) => {
            say!("VERDICT: every criterion was met, and the books are in order.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say!("VERDICT: failed. {error:#}");
            ExitCode::FAILURE
        }
    })
}

async fn play_and_audit(workspace: &Workspace, visit: &Visit, options: &Options) -> Result<()> {
    let buyers = workspace.dev().join("buyers.txt");
    invite(workspace, visit, options.buyers(), &buyers)?;
    // What a criterion says and what the books say are two things, and both are worth knowing.
    let played = play(workspace, &buyers, options);
    std::fs::remove_file(&buyers).context("cannot remove the buyers' tokens")?;
    let audited = visit.audit().await;
    say!("reports: {}/target/gatling", load_tests(workspace).display());
    played.and(audited)
}

/// Writes a file with the access tokens of so many buyers.
fn invite(workspace: &Workspace, visit: &Visit, count: usize, file: &Path) -> Result<()> {
    services::build_with(workspace, visit.wanted.release, &["load"])?;
    run_command(visit.load(workspace, "buyers")?.arg(count.to_string()).arg(file))
}

fn play(workspace: &Workspace, buyers: &Path, options: &Options) -> Result<()> {
    let mut maven = Command::new("mvn");
    maven.current_dir(load_tests(workspace));
    maven.args([
        "-q",
        "-B",
        "test-compile",
        "gatling:test",
        "-Dgatling.runMultipleSimulations=true",
    ]);
    let classes: Vec<_> = options.scenarios().iter().map(|scenario| scenario.class()).collect();
    maven.arg(format!("-Dgatling.includes={}", classes.join(",")));
    maven.arg(format!("-Dstate={}", workspace.dev().join("state.json").display()));
    maven.arg(format!("-Dbuyers={}", buyers.display()));
    if options.short {
        maven.arg("-Dshort=true");
    }
    run_command(maven.args(&options.arguments))
}

fn load_tests(workspace: &Workspace) -> std::path::PathBuf {
    workspace.root().join("load-tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buyers(scenarios: &[Scenario], short: bool, arguments: &[&str]) -> usize {
        let options = Options {
            scenarios: scenarios.to_vec(),
            short,
            release: false,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        };
        options.buyers()
    }

    #[test]
    fn there_are_as_many_buyers_as_the_largest_scenario_asks_for() {
        assert_eq!(buyers(&[], false, &[]), 50_000);
        assert_eq!(buyers(&[], true, &[]), SHORT_BUYERS);
        assert_eq!(buyers(&[Scenario::Seats], true, &["-Dusers=500"]), 500);
        assert_eq!(
            buyers(&[Scenario::Payments], false, &["-Drate=20.5", "-Dduration=100"]),
            2_050
        );
        assert_eq!(buyers(&[Scenario::Payments], false, &["-Drate=20"]), 1_200);
    }
}
