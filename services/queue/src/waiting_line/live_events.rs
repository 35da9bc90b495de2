//! Which events have a line, so that admission needs no scan. One set of all events: an entry is written once in a while.
//!
//! On a cluster the set has copies with several masters, or the loss of one would stop the admission of all events. Each is
//! written where it can be reached, and an event is live if any copy says so.

use super::{
    WaitingLine, keys,
    scripts::{REGISTER_LIVE, RETIRE_LIVE},
};
use common::redis::{Redis, where_reachable};
use futures_util::future::join_all;
use redis::{RedisResult, cmd};
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

/// An event stays registered for this long after the last sign of life, which must be more than any replica waits between
/// two registrations: one that retires an empty line must not undo the entry that another has just let in.
const KEPT: Duration = Duration::from_secs(60);

impl WaitingLine {
    /// Notes that somebody is at this event's line.
    pub(crate) async fn register_live(&self, event: Uuid) -> RedisResult<()> {
        self.at_each_copy(|mut connection, key| async move {
            REGISTER_LIVE
                .key(key)
                .arg(event.to_string())
                .invoke_async::<()>(&mut connection)
                .await
        })
        .await
        .map(|_| ())
    }

    /// Takes an event without a line off the registry, unless somebody came lately.
    pub(crate) async fn retire_live(&self, event: Uuid) -> RedisResult<()> {
        self.at_each_copy(|mut connection, key| async move {
            RETIRE_LIVE
                .key(key)
                .arg(event.to_string())
                .arg(KEPT.as_secs())
                .invoke_async::<()>(&mut connection)
                .await
        })
        .await
        .map(|_| ())
    }

    /// The events that have a line, or had one lately.
    pub(crate) async fn live_events(&self) -> RedisResult<Vec<Uuid>> {
        let copies: Vec<Vec<String>> = self
            .at_each_copy(|mut connection, key| async move {
                cmd("ZRANGE").arg(key).arg(0).arg(-1).query_async(&mut connection).await
            })
            .await?;
        let names = copies.iter().flatten();
        let events: BTreeSet<Uuid> = names.filter_map(|name| Uuid::parse_str(name).ok()).collect();
        Ok(events.into_iter().collect())
    }

    /// Does the same to every copy at once.
    async fn at_each_copy<T, F>(&self, act: impl Fn(Redis, String) -> F) -> RedisResult<Vec<T>>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let copies = self.redis.few_copies(keys::LIVE).into_iter();
        where_reachable(join_all(copies.map(|key| act(self.connection(), key))).await)
    }
}
