//! Loops.

mod admission;

pub(crate) use admission::run_admission;
