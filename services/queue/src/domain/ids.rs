use chrono::{DateTime, Utc};
use uuid::Uuid;

/// When an id was made, to the millisecond, if it is one that tells (version 7).
pub(crate) fn made_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}
