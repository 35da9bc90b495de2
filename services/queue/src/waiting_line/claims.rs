//! One queue per user: the claim that names the event a user queues for.

use super::{
    WaitingLine, keys,
    queueing::millis,
    scripts::{DROP_CLAIM, EXTEND_CLAIM, LEAVE_CLAIM, TAKE_OVER_CLAIM},
};
use redis::{RedisResult, cmd};
use std::time::Duration;
use uuid::Uuid;

/// How an attempt to claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// The user had no claim.
    New,
    /// The user's claim names this event already.
    Before,
    /// It names another event.
    Elsewhere(Uuid),
}

impl WaitingLine {
    /// Claims the user for an event, unless another event has him.
    pub(crate) async fn claim(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<Claimed> {
        let had: Option<String> = cmd("SET")
            .arg(keys::claim(user))
            .arg(event.to_string())
            .arg("NX")
            .arg("GET")
            .arg("PX")
            .arg(millis(life))
            .query_async(&mut self.connection())
            .await?;
        Ok(match had.map(|text| Uuid::parse_str(&text)) {
            None => Claimed::New,
            Some(Ok(other)) if other != event => Claimed::Elsewhere(other),
            // What is no event's id was not written by us and names nothing.
            Some(_) => Claimed::Before,
        })
    }

    /// Moves the claim from one event to another, unless it names a third by now.
    pub(crate) async fn take_over_claim(&self, user: Uuid, from: Uuid, to: Uuid, life: Duration) -> RedisResult<bool> {
        TAKE_OVER_CLAIM
            .key(keys::claim(user))
            .arg(from.to_string())
            .arg(to.to_string())
            .arg(millis(life))
            .invoke_async(&mut self.connection())
            .await
    }

    /// The event the user's claim names.
    pub(crate) async fn claimed_event(&self, user: Uuid) -> RedisResult<Option<Uuid>> {
        self.event_in(keys::claim(user)).await
    }

    /// The event the user left last.
    pub(crate) async fn left_event(&self, user: Uuid) -> RedisResult<Option<Uuid>> {
        self.event_in(keys::left(user)).await
    }

    /// Lets the claim live on if it names this event.
    pub(crate) async fn extend_claim(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<bool> {
        EXTEND_CLAIM
            .key(keys::claim(user))
            .arg(event.to_string())
            .arg(millis(life))
            .invoke_async(&mut self.connection())
            .await
    }

    /// Ends the claim if it names this event.
    pub(crate) async fn drop_claim(&self, user: Uuid, event: Uuid) -> RedisResult<()> {
        DROP_CLAIM
            .key(keys::claim(user))
            .arg(event.to_string())
            .invoke_async(&mut self.connection())
            .await
    }

    /// Ends the claim and returns the event to leave: the claimed one, or the one whose leaving was cut off before.
    pub(crate) async fn leave_claim(&self, user: Uuid, remembered: Duration) -> RedisResult<Option<Uuid>> {
        let event: Option<String> = LEAVE_CLAIM
            .key(keys::claim(user))
            .key(keys::left(user))
            .arg(millis(remembered))
            .invoke_async(&mut self.connection())
            .await?;
        Ok(event.and_then(|text| Uuid::parse_str(&text).ok()))
    }

    async fn event_in(&self, key: String) -> RedisResult<Option<Uuid>> {
        let event: Option<String> = cmd("GET").arg(key).query_async(&mut self.connection()).await?;
        Ok(event.and_then(|text| Uuid::parse_str(&text).ok()))
    }
}
