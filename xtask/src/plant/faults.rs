//! The guards that are removed, one at a time, and the tests that must notice: a table for each thing that is guarded.

mod accounts;
mod messages;
mod payments;
mod queue;
mod reservations;

use anyhow::{Result, ensure};

/// A guard, how it is removed, and who must notice.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// What is missing then.
    pub(super) what: &'static str,
    pub(super) edits: &'static [Edit],
    /// Arguments of `cargo test`.
    pub(super) tests: &'static [&'static str],
}

/// One change of a file.
#[derive(Debug)]
pub(super) struct Edit {
    /// From the repository's root.
    pub(super) file: &'static str,
    /// Stands in the file exactly once.
    from: &'static str,
    to: &'static str,
}

impl Edit {
    /// The file's text without the guard.
    pub(super) fn planted(&self, healthy: &str) -> Result<String> {
        let times = healthy.matches(self.from).count();
        ensure!(
            times == 1,
            "`{}` stands {times} times in {}, not once; the list of faults is out of date",
            self.from,
            self.file
        );
        Ok(healthy.replacen(self.from, self.to, 1))
    }
}

/// Every table, in the order in which they are planted.
pub(super) fn all() -> impl Iterator<Item = &'static Fault> {
    let tables = [
        reservations::FAULTS,
        payments::FAULTS,
        messages::FAULTS,
        queue::FAULTS,
        accounts::FAULTS,
    ];
    tables.into_iter().flatten()
}
