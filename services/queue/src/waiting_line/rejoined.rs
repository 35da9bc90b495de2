//! Who was put at the end of a line after a loss, because he asked without his ticket.

use super::{WaitingLine, keys, queueing::millis};
use redis::{RedisResult, cmd};
use std::time::Duration;
use uuid::Uuid;

impl WaitingLine {
    /// Notes for `life` which place at the end the user was given without a ticket. Whoever gives it up and comes again has
    /// another score, and so a place to which this says nothing.
    pub(crate) async fn note_rejoined(&self, event: Uuid, user: Uuid, score: i64, life: Duration) -> RedisResult<()> {
        cmd("SET")
            .arg(keys::rejoined(event, user))
            .arg(score)
            .arg("PX")
            .arg(millis(life).max(1))
            .query_async(&mut self.connection())
            .await
    }

    /// The score of the place at the end that the user was given without a ticket.
    pub(crate) async fn rejoined_at(&self, event: Uuid, user: Uuid) -> RedisResult<Option<i64>> {
        cmd("GET")
            .arg(keys::rejoined(event, user))
            .query_async(&mut self.connection())
            .await
    }
}
