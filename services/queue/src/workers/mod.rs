//! Loops.

mod admission;
mod watch_lines;

pub(crate) use admission::run_admission;
pub(crate) use watch_lines::watch_lines;
