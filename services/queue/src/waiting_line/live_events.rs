//! Which events have a line, so that admission needs no scan. One key for all events: it is written once in a while.

use super::{
    WaitingLine, keys,
    scripts::{REGISTER_LIVE, RETIRE_LIVE},
};
use redis::{RedisResult, cmd};
use std::time::Duration;
use uuid::Uuid;

/// An event stays registered for this long after the last sign of life, which must be more than any replica waits between
/// two registrations: one that retires an empty line must not undo the entry that another has just let in.
const KEPT: Duration = Duration::from_secs(60);

impl WaitingLine {
    /// Notes that somebody is at this event's line.
    pub(crate) async fn register_live(&self, event: Uuid) -> RedisResult<()> {
        REGISTER_LIVE
            .key(keys::LIVE)
            .arg(event.to_string())
            .invoke_async(&mut self.connection())
            .await
    }

    /// Takes an event without a line off the registry, unless somebody came lately.
    pub(crate) async fn retire_live(&self, event: Uuid) -> RedisResult<()> {
        RETIRE_LIVE
            .key(keys::LIVE)
            .arg(event.to_string())
            .arg(KEPT.as_secs())
            .invoke_async(&mut self.connection())
            .await
    }

    /// The events that have a line, or had one lately.
    pub(crate) async fn live_events(&self) -> RedisResult<Vec<Uuid>> {
        let names: Vec<String> = cmd("ZRANGE")
            .arg(keys::LIVE)
            .arg(0)
            .arg(-1)
            .query_async(&mut self.connection())
            .await?;
        Ok(names.iter().filter_map(|name| Uuid::parse_str(name).ok()).collect())
    }
}
