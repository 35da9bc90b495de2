//! All the tests. They are many programs, and most of their time is waiting (for an expiry, for a service to start), so two
//! run at a time: those of the whole system one after the other, and beside them those of the crates and services.
//!
//! A few tests may fail for want of a core. They are run once more, alone, on the machine that is quiet then. One that passes
//! only so is told at the end, with the log of its failure: somebody should look why, but the change at hand may be right.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::workspace::{Workspace, run};

/// Each of its tests boots a whole system; two of them at once would be too much for the servers.
const SYSTEM: &str = "system-tests";

/// Packages whose tests need features that nothing else does (tokio's clock that can be stopped, tokio-postgres). Built with the
/// others, they would have every dependency compiled a second time; by themselves they are few and small.
const ALONE: [&str; 2] = ["resilience", "xtask"];

/// More failures than these are no accident, and not run again.
const SECOND_CHANCES: usize = 3;

/// One test program.
struct Suite {
    package: String,
    target: String,
    program: PathBuf,
    /// The package's folder, in which Cargo runs it too.
    folder: PathBuf,
}

impl Suite {
    fn name(&self) -> String {
        format!("{} {}", self.package, self.target)
    }

    /// Runs it with these arguments. Whether it ended well, and what it printed, which is kept as a log of this name.
    fn run(&self, arguments: &[&str], log: &Path, prepare: &(dyn Fn(&mut Command) + Sync)) -> Result<(bool, String)> {
        let output = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
        let mut program = Command::new(&self.program);
        program
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output);
        prepare(&mut program);
        let status = program
            .status()
            .with_context(|| format!("cannot start the tests {}", self.name()))?;
        let text = fs::read(log).map(|text| String::from_utf8_lossy(&text).into_owned())?;
        Ok((status.success(), text))
    }
}

/// What became of the programs so far.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: Vec<Failure>,
}

/// A program that did not end well.
struct Failure {
    suite: Suite,
    /// Those of its tests that failed; none if it ended before it could say so.
    tests: Vec<String>,
}

/// Builds and runs every test of the workspace. `prepare` adds what the tests must know.
pub(crate) fn run_all(workspace: &Workspace, prepare: &(dyn Fn(&mut Command) + Sync)) -> Result<()> {
    let mut selections = vec![vec!["--workspace"]];
    for package in ALONE {
        selections[0].extend(["--exclude", package]);
        selections.push(vec!["--package", package]);
    }
    let mut suites = Vec::new();
    for selection in &selections {
        suites.extend(build(workspace, selection)?);
    }
    let (system, others): (VecDeque<_>, VecDeque<_>) = suites.into_iter().partition(|suite| suite.package == SYSTEM);
    let (system, others) = (Mutex::new(system), Mutex::new(others));
    let logs = workspace.dev().join("logs/tests");
    fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        // Whoever has run the system's helps with the others.
        let lanes = [vec![&system, &others], vec![&others]].map(|queues| {
            let (logs, tally) = (&logs, &tally);
            scope.spawn(move || {
                queues
                    .into_iter()
                    .try_for_each(|queue| run_lane(queue, logs, prepare, tally))
            })
        });
        lanes
            .into_iter()
            .try_for_each(|lane| lane.join().unwrap_or_else(|_| bail!("a lane of tests panicked")))
    })?;
    // Cargo refuses to look for them where there is no library.
    let libraries = selections
        .iter()
        .filter(|selection| **selection != ["--package", "xtask"]);
    let doc_tests = libraries.map(|selection| {
        let mut cargo = workspace.cargo();
        run(cargo.args(["test", "--quiet", "--doc"]).args(selection))
    });
    let doc_tests: Result<Vec<()>> = doc_tests.collect();
    let tally = tally.into_inner().context("a lane of tests panicked")?;
    let unsure = run_again(&tally.failed, &logs, prepare)?;
    // Programs that run nothing all end well.
    ensure!(tally.passed > 0, "no test was run");
    doc_tests?;
    say!("{} tests passed", tally.passed);
    for name in unsure {
        say!("and {name}, but only the second time, alone: see its failure above");
    }
    Ok(())
}

/// Gives failed tests a second chance. Those that took it; an error if there are others.
fn run_again(failed: &[Failure], logs: &Path, prepare: &(dyn Fn(&mut Command) + Sync)) -> Result<Vec<String>> {
    let names = failed
        .iter()
        .map(|failure| format!("{} {}", failure.suite.name(), failure.tests.join(" ")));
    let names: Vec<String> = names.collect();
    let tests: usize = failed.iter().map(|failure| failure.tests.len()).sum();
    let told = failed.iter().all(|failure| !failure.tests.is_empty());
    ensure!(told && tests <= SECOND_CHANCES, "failed: {}", names.join(", "));
    for Failure { suite, tests } in failed {
        for test in tests {
            say!("once more, alone: {} {test}", suite.name());
            let log = logs.join(format!("{}-{}-again.log", suite.package, suite.target));
            let (well, text) = suite.run(&["--exact", test], &log, prepare)?;
            ensure!(
                well && passed(&text) == 1,
                "failed twice: {} {test}\n{text}",
                suite.name()
            );
        }
    }
    Ok(names)
}

/// Builds the test programs of these packages and returns them.
fn build(workspace: &Workspace, selection: &[&str]) -> Result<Vec<Suite>> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--no-run", "--message-format", "json-render-diagnostics"]);
    cargo.args(selection);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the tests do not build");
    let mut suites = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Value = serde_json::from_str(line).context("cargo says something else than JSON")?;
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let is_test = message.pointer("/profile/test").and_then(Value::as_bool) == Some(true);
        if let (true, Some(program), Some(manifest), Some(target)) = (
            is_test,
            text("/executable"),
            text("/manifest_path"),
            text("/target/name"),
        ) {
            let folder = PathBuf::from(manifest)
                .parent()
                .map(Path::to_path_buf)
                .unwrap_or_default();
            suites.push(Suite {
                package: package(&folder)?,
                target,
                program: program.into(),
                folder,
            });
        }
    }
    Ok(suites)
}

/// A package's name as its manifest gives it; its folder may be called otherwise.
fn package(folder: &Path) -> Result<String> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .with_context(|| format!("{} names no package", manifest.display()))
}

/// Runs one program after the other until none is left in the queue.
fn run_lane(
    queue: &Mutex<VecDeque<Suite>>,
    logs: &Path,
    prepare: &(dyn Fn(&mut Command) + Sync),
    tally: &Mutex<Tally>,
) -> Result<()> {
    let next = || queue.lock().ok()?.pop_front();
    while let Some(suite) = next() {
        let log = logs.join(format!("{}-{}.log", suite.package, suite.target));
        let started = Instant::now();
        let (well, text) = suite.run(&[], &log, prepare)?;
        let (name, seconds, passed) = (suite.name(), started.elapsed().as_secs_f64(), passed(&text));
        let Ok(mut tally) = tally.lock() else {
            bail!("another lane of tests panicked");
        };
        tally.passed += passed;
        if !well {
            say!("{text}\n{seconds:>6.1} s  FAILED  {name}");
            let tests = failed(&text);
            tally.failed.push(Failure { suite, tests });
        } else if passed > 0 {
            // Most programs of libraries and binaries have no tests of their own.
            say!("{seconds:>6.1} s  {passed:>4} passed  {name}");
        }
    }
    Ok(())
}

/// The tests that a program lists as failed at its end; none if they are not as many as it counted.
fn failed(output: &str) -> Vec<String> {
    let listed = output.rsplit_once("\nfailures:\n").map_or("", |(_, rest)| rest);
    let names = listed.lines().map_while(|line| line.strip_prefix("    "));
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.len() as u64 == counted(output, " failed") {
        names
    } else {
        Vec::new()
    }
}

/// How many tests a program says have passed.
fn passed(output: &str) -> u64 {
    counted(output, " passed")
}

/// The number before this word in the lines of results.
fn counted(output: &str, word: &str) -> u64 {
    let results = output.lines().filter_map(|line| line.strip_prefix("test result: "));
    let counts = results.filter_map(|line| {
        let before = line.split_once(word)?.0;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_counted() {
        let output = "running 3 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nfailures:\n\n\n\
                      failures:\n    b\n\ntest result: FAILED. 17 passed; 1 failed; 0 ignored; finished in 1.0s\n";
        assert_eq!((passed(output), failed(output)), (17, vec!["b".to_owned()]));
        let one_is_not_named = output.replace("1 failed", "2 failed");
        assert!(failed(&one_is_not_named).is_empty());
        let died = "thread panicked";
        assert!(passed(died) == 0 && failed(died).is_empty());
    }
}
