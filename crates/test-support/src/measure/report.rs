//! What a bench tells: to people as a table in Markdown, and to `cargo xtask bench` as data, a line of JSON for each table in
//! the file that [`FILE`] names. All tables have the same columns, so that they stand under one another in the document.
#![expect(clippy::print_stdout, reason = "a bench reports to people")]

use super::{Bar, Comparison, median, short};
use serde::Serialize;
use std::{
    fs::{self, File},
    io::Write,
};

/// The variable with the file's path; `cargo xtask bench` sets it.
const FILE: &str = "TICKET_QUEUE_BENCH_REPORT";

/// A figure without a peer's beside it.
#[derive(Clone, Debug)]
pub struct Figure {
    what: String,
    figure: String,
    bar: String,
    met: Option<bool>,
}

/// One line of a table, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Row {
    what: String,
    ours: String,
    peer: String,
    ratio: String,
    spread: String,
    bar: String,
    /// `met`, `missed`, or nothing where nothing is demanded.
    verdict: String,
}

#[derive(Debug, Serialize)]
struct Table<'a> {
    title: &'a str,
    /// Load average while it was made: above the number of cores something else was running.
    load: String,
    /// Of how many rounds the figures are the medians.
    rounds: Option<usize>,
    optimised: bool,
    rows: Vec<Row>,
}

impl Figure {
    /// A number.
    #[must_use]
    pub fn new(what: &str, figure: f64, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            figure: format!("{} {unit}", short(figure)).trim_end().to_owned(),
            bar: String::new(),
            met: None,
        }
    }

    /// Several numbers, or one that is written in its own way.
    #[must_use]
    pub fn text(what: &str, figure: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            figure: figure.into(),
            bar: String::new(),
            met: None,
        }
    }

    /// A number that is held to a bar.
    #[must_use]
    pub fn held(what: &str, figure: f64, unit: &str, bar: Bar) -> Self {
        Self::new(what, figure, unit).judged(bar, figure)
    }

    /// What is shown is held to a bar by this number.
    #[must_use]
    pub fn judged(mut self, bar: Bar, figure: f64) -> Self {
        self.bar = bar.to_string();
        self.met = Some(bar.is_met(figure));
        self
    }

    fn row(&self) -> Row {
        Row {
            what: self.what.clone(),
            ours: self.figure.clone(),
            bar: self.bar.clone(),
            verdict: verdict(self.met).to_owned(),
            ..Row::default()
        }
    }
}

impl Comparison {
    fn row(&self) -> Row {
        let ratios = self.ratios();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let side = |figures: Vec<f64>| format!("{} {}", short(median(figures)), self.unit);
        Row {
            what: self.what.clone(),
            ours: side(self.pairs.iter().map(|pair| pair.0).collect()),
            peer: side(self.pairs.iter().map(|pair| pair.1).collect()),
            ratio: short(self.ratio()),
            spread: format!("{}–{}", short(least), short(most)),
            bar: self.bar.map(|bar| bar.to_string()).unwrap_or_default(),
            verdict: verdict(self.met()).to_owned(),
        }
    }
}

/// Tells what comparisons came to.
pub fn compared(title: &str, rounds: usize, comparisons: &[Comparison]) {
    tell(title, Some(rounds), comparisons.iter().map(Comparison::row).collect());
}

/// Tells figures.
pub fn figures(title: &str, figures: &[Figure]) {
    tell(title, None, figures.iter().map(Figure::row).collect());
}

fn tell(title: &str, rounds: Option<usize>, rows: Vec<Row>) {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let table = Table {
        title,
        load: load.split(' ').next().unwrap_or("?").to_owned(),
        rounds,
        optimised: !cfg!(debug_assertions),
        rows,
    };
    println!("{}\n", table.shown());
    if let Some(path) = std::env::var_os(FILE) {
        let file = File::options().create(true).append(true).open(&path);
        let line = serde_json::to_string(&table).expect("strings are JSON");
        let written = file.and_then(|mut file| writeln!(file, "{line}"));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
}

impl Table<'_> {
    fn shown(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let build = if self.optimised {
            "optimised build"
        } else {
            "UNOPTIMISED build"
        };
        let rounds = self
            .rounds
            .map(|rounds| format!("; {rounds} rounds, medians"))
            .unwrap_or_default();
        let mut lines = vec![
            format!("### {}", self.title),
            String::new(),
            format!("{cores} cores, load average {}, {build}{rounds}", self.load),
            String::new(),
            "| what | ours | peer | ratio | spread | bar | |".to_owned(),
            "|---|---|---|---|---|---|---|".to_owned(),
        ];
        lines.extend(self.rows.iter().map(|row| {
            let cells = [
                &row.what,
                &row.ours,
                &row.peer,
                &row.ratio,
                &row.spread,
                &row.bar,
                &row.verdict,
            ];
            format!("| {} |", cells.map(String::as_str).join(" | "))
        }));
        lines.join("\n")
    }
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "missed",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_comparisons_have_the_same_columns() {
        let mut comparison = Comparison::new("holds", "/s").bar(Bar::AtLeast(2.0));
        comparison.add(30.0, 10.0);
        let row = comparison.row();
        assert_eq!(
            (row.ours.as_str(), row.ratio.as_str(), row.verdict.as_str()),
            ("30.0 /s", "3.00", "met")
        );
        let row = Figure::held("memory", 201.0, "MiB", Bar::AtMost(200.0)).row();
        assert_eq!(
            (row.ours.as_str(), row.bar.as_str(), row.verdict.as_str()),
            ("201 MiB", "≤ 200", "missed")
        );
        let table = Table {
            title: "t",
            load: "1.0".to_owned(),
            rounds: None,
            optimised: true,
            rows: vec![row],
        };
        assert!(
            table
                .shown()
                .ends_with("| memory | 201 MiB |  |  |  | ≤ 200 | missed |")
        );
    }
}
