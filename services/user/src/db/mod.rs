//! The only place with SQL.

pub(crate) mod accounts;
pub(crate) mod history;
pub(crate) mod tokens;
