//! The figures of `docs/performance.md`: written by the benches, each between marks of its own. What stands outside of the
//! marks is people's.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::workspace::Workspace;

/// The variable that tells a bench where to leave its tables.
pub(super) const FILE: &str = "TICKET_QUEUE_BENCH_REPORT";

/// A table as a bench tells it, a line of JSON each (`crates/test-support/src/measure/report.rs`).
#[derive(Debug, Deserialize)]
struct Table {
    title: String,
    load: String,
    rounds: Option<usize>,
    optimised: bool,
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    what: String,
    ours: String,
    peer: String,
    ratio: String,
    spread: String,
    bar: String,
    verdict: String,
}

/// Where and when a bench ran, and what was compared.
#[derive(Debug)]
pub(super) struct Circumstances {
    pub(super) date: String,
    pub(super) machine: String,
    /// Names with versions.
    pub(super) compared: Vec<String>,
}

/// Where a bench leaves what it tells; what it told before is forgotten.
pub(super) fn file(workspace: &Workspace, bench: &str) -> Result<PathBuf> {
    let folder = workspace.root().join("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(format!("{bench}.json"));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(path),
    }
}

/// Puts what a bench left into the document, in the place of what stood there before.
pub(super) fn write(workspace: &Workspace, bench: &str, circumstances: &Circumstances) -> Result<()> {
    let told = workspace.root().join("target/bench").join(format!("{bench}.json"));
    let text = fs::read_to_string(&told).with_context(|| format!("{bench} told nothing in {}", told.display()))?;
    let section = section(bench, circumstances, &text)?;
    let path = workspace.root().join("docs/performance.md");
    let document = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    fs::write(&path, replaced(&document, bench, &section)?)?;
    say!("docs/performance.md has the figures of {bench}");
    Ok(())
}

/// The figures of one bench in Markdown.
fn section(bench: &str, circumstances: &Circumstances, told: &str) -> Result<String> {
    let tables = told.lines().map(serde_json::from_str::<Table>);
    let tables: Vec<Table> = tables.collect::<Result<_, _>>().context("a table is no JSON")?;
    ensure!(!tables.is_empty(), "{bench} has no table");
    ensure!(
        tables.iter().all(|table| table.optimised),
        "{bench} was built without optimisation"
    );
    let Circumstances {
        date,
        machine,
        compared,
    } = circumstances;
    let mut text = format!("{date}, {machine}");
    if !compared.is_empty() {
        write!(text, "; {}", compared.join(", "))?;
    }
    writeln!(text, ". {}", bars(&tables))?;
    for table in &tables {
        let rounds = table
            .rounds
            .map(|rounds| format!(", medians of {rounds} rounds"))
            .unwrap_or_default();
        write!(text, "\n{} (load average {}{rounds}):\n\n", table.title, table.load)?;
        text.push_str("| what | ours | peer | ratio | spread | bar | |\n|---|---|---|---|---|---|---|\n");
        for row in &table.rows {
            let Row {
                what,
                ours,
                peer,
                ratio,
                spread,
                bar,
                verdict,
            } = row;
            writeln!(
                text,
                "| {} | {ours} | {peer} | {ratio} | {spread} | {bar} | {verdict} |",
                what.trim()
            )?;
        }
    }
    Ok(text)
}

fn bars(tables: &[Table]) -> String {
    let rows = || tables.iter().flat_map(|table| &table.rows);
    let (met, held) = (
        rows().filter(|row| row.verdict == "met").count(),
        rows().filter(|row| !row.bar.is_empty()).count(),
    );
    match held {
        0 => "No bars.".to_owned(),
        _ => format!("{met} of {held} bars met."),
    }
}

/// The document with this section between the bench's marks.
fn replaced(document: &str, bench: &str, section: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- figures: {bench} -->\n"), format!("<!-- end: {bench} -->"));
    let place = || format!("docs/performance.md has no place for {bench}: it needs the lines {begin}{end}");
    let (before, rest) = document.split_once(&begin).with_context(place)?;
    let (_, after) = rest.split_once(&end).with_context(place)?;
    ensure!(
        !after.contains(&begin),
        "docs/performance.md has two places for {bench}"
    );
    Ok(format!("{before}{begin}{section}{end}{after}"))
}

/// Processor, cores, memory and kernel.
pub(super) fn machine() -> String {
    let line = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    let model = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = line("/proc/meminfo", "MemTotal")
        .and_then(|memory| memory.trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or_else(|| "?".to_owned(), |kib| kib.div_ceil(1 << 20).to_string());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {model}, {memory} GiB, Linux {}", kernel.trim())
}

/// Today in UTC; the shell knows without a library.
pub(super) fn today() -> String {
    said(Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default()
}

/// The first line of what a program says of itself.
pub(crate) fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    // nginx and Java tell their versions on the other channel.
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines()
        .next()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{"title":"Against locks","load":"2.5","rounds":9,"optimised":true,"rows":[{"what":"holds","ours":"30 /s","peer":"10 /s","ratio":"3.00","spread":"2.9–3.1","bar":"≥ 3","verdict":"met"},{"what":"  CPU","ours":"1 µs","peer":"2 µs","ratio":"0.50","spread":"","bar":"≤ 0.4","verdict":"missed"}]}
{"title":"Alone","load":"1.0","rounds":null,"optimised":true,"rows":[{"what":"memory","ours":"9 MiB","peer":"","ratio":"","spread":"","bar":"","verdict":""}]}"#;

    fn circumstances() -> Circumstances {
        Circumstances {
            date: "2026-11-23".to_owned(),
            machine: "2 cores".to_owned(),
            compared: vec!["Redis 7.0.15".to_owned()],
        }
    }

    #[test]
    fn a_section_has_all_tables_and_counts_bars() {
        let section = section("hold", &circumstances(), TOLD).unwrap();
        assert!(
            section.starts_with("2026-11-23, 2 cores; Redis 7.0.15. 1 of 2 bars met.\n"),
            "{section}"
        );
        assert!(
            section.contains("Against locks (load average 2.5, medians of 9 rounds):\n\n| what |"),
            "{section}"
        );
        assert!(
            section.contains("| CPU | 1 µs | 2 µs | 0.50 |  | ≤ 0.4 | missed |\n"),
            "{section}"
        );
        assert!(section.ends_with("| memory | 9 MiB |  |  |  |  |  |\n"), "{section}");
        let slow = TOLD.replace("\"optimised\":true", "\"optimised\":false");
        assert!(super::section("hold", &circumstances(), &slow).is_err());
        assert!(super::section("hold", &circumstances(), "").is_err());
    }

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let document = "# P\n\nwords\n<!-- figures: hold -->\nold\n<!-- end: hold -->\nmore\n<!-- figures: queue -->\nq\n<!-- end: queue -->\n";
        let new = replaced(document, "hold", "new\n").unwrap();
        assert_eq!(new, document.replace("\nold\n", "\nnew\n"));
        assert_eq!(
            replaced(&new, "hold", "old\n").unwrap(),
            document,
            "it can be done again"
        );
        assert!(replaced(document, "seats", "new\n").is_err());
        let twice = format!("{document}{document}");
        assert!(replaced(&twice, "hold", "new\n").is_err());
    }

    #[test]
    fn the_document_has_a_place_for_every_bench() {
        let document = include_str!("../../../docs/performance.md");
        for bench in <super::super::Bench as clap::ValueEnum>::value_variants() {
            replaced(document, bench.name(), "new\n").unwrap();
        }
    }
}
