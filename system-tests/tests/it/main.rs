//! One binary for all tests of the whole system; each file is one theme.

mod bad_input;
mod doors;
mod journey;
mod killed;
mod races;
