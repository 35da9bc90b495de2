//! The only place with SQL. Functions that change something take the caller's transaction; reads take any executor.

pub(crate) mod audit;
pub(crate) mod event_changes;
pub(crate) mod event_end;
pub(crate) mod event_list;
pub(crate) mod events;
pub(crate) mod halls;
pub(crate) mod posters;
pub(crate) mod projection;
pub(crate) mod pulse;
pub(crate) mod seat_layout;
pub(crate) mod seats;
pub(crate) mod venues;

use crate::domain::Grade;
use sqlx::postgres::PgQueryResult;

/// Reads a grade. The column has a check, so another text means a newer release's data.
fn grade(text: &str) -> Result<Grade, sqlx::Error> {
    Grade::parse(text).ok_or_else(|| sqlx::Error::Decode(format!("unknown grade {text:?}").into()))
}

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    Removed,
    /// There was nothing to delete.
    Missing,
    /// A concert needs it. The transaction can only be rolled back.
    InUse,
}

impl Removal {
    fn of(deleted: Result<PgQueryResult, sqlx::Error>) -> Result<Self, sqlx::Error> {
        match deleted {
            Ok(result) if result.rows_affected() == 0 => Ok(Self::Missing),
            Ok(_) => Ok(Self::Removed),
            Err(error) if common::db::constraint(&error) == Some("events_hall_fkey") => Ok(Self::InUse),
            Err(error) => Err(error),
        }
    }
}
