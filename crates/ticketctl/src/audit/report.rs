//! What an audit found.

use std::fmt;

use serde::Serialize;
use sqlx::FromRow;

use super::books::Books;

/// More rows of one kind than this help nobody.
const SHOWN: usize = 50;

/// A row and what is the matter with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct Row {
    /// Which row, with its id.
    pub subject: String,
    /// What it is or has.
    pub finding: String,
}

/// Rows that break an invariant in one way.
#[derive(Clone, Debug, Serialize)]
pub struct Broken {
    /// The invariant of design.md §9: `I1` to `I5`.
    pub rule: &'static str,
    /// The check's name.
    pub check: &'static str,
    /// What it means.
    pub meaning: String,
    /// What an operator does.
    pub remedy: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether every invariant holds, as far as it can be told of a system that moves.
    pub ok: bool,
    /// Whether nothing has to happen any more.
    pub at_rest: bool,
    pub(super) books: Books,
    /// What must not be.
    pub broken: Vec<Broken>,
    /// What is on its way.
    pub moving: Vec<Row>,
}

impl Report {
    pub(super) fn new(books: Books, broken: Vec<Broken>, moving: Vec<Row>) -> Self {
        Self {
            ok: broken.is_empty(),
            at_rest: moving.is_empty(),
            books,
            broken,
            moving,
        }
    }

    /// What is still so in a later look. The rest was on its way.
    pub(super) fn confirmed_by(self, later: Self) -> Self {
        let mut broken = self.broken;
        for kind in &mut broken {
            let again = later.broken.iter().find(|again| again.check == kind.check);
            kind.rows
                .retain(|row| again.is_some_and(|again| again.rows.contains(row)));
        }
        broken.retain(|kind| !kind.rows.is_empty());
        Self::new(later.books, broken, later.moving)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.books)?;
        for kind in &self.broken {
            writeln!(formatter, "\n{} {}: {}", kind.rule, kind.check, kind.meaning)?;
            list(formatter, &kind.rows)?;
            writeln!(formatter, "  What to do: {}", kind.remedy)?;
        }
        if !self.at_rest {
            writeln!(formatter, "\nNot at rest; on its way is:")?;
            list(formatter, &self.moving)?;
        }
        match self.broken.iter().map(|kind| kind.rows.len()).sum() {
            0 => write!(formatter, "Every invariant holds."),
            1 => write!(formatter, "\n1 row breaks an invariant."),
            rows => write!(formatter, "\n{rows} rows break invariants."),
        }
    }
}

fn list(formatter: &mut fmt::Formatter<'_>, rows: &[Row]) -> fmt::Result {
    for Row { subject, finding } in rows.iter().take(SHOWN) {
        writeln!(formatter, "  {subject} {finding}")?;
    }
    if rows.len() > SHOWN {
        writeln!(formatter, "  … and {} more", rows.len() - SHOWN)?;
    }
    Ok(())
}
