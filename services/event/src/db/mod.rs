//! The only place with SQL. Functions that change something take the caller's transaction; reads take any executor.

pub(crate) mod audit;
pub(crate) mod event_end;
pub(crate) mod event_list;
pub(crate) mod events;
pub(crate) mod halls;
pub(crate) mod projection;
pub(crate) mod seats;
pub(crate) mod venues;

use crate::domain::Grade;

/// Reads a grade. The column has a check, so another text means a newer release's data.
fn grade(text: &str) -> Result<Grade, sqlx::Error> {
    Grade::parse(text).ok_or_else(|| sqlx::Error::Decode(format!("unknown grade {text:?}").into()))
}
