use super::{
    WaitingLine, keys,
    scripts::{COUNT_IN, EXTEND, RELEASE, VALIDATE},
    standing::Reply,
};
use chrono::{DateTime, Utc};
use common::{crash, crypto::random_token};
use redis::{FromRedisValue, ParsingError, RedisResult, Value};
use std::time::Duration;
use uuid::Uuid;

/// An active place: which grant, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlaceEnd {
    pub(crate) grant_id: String,
    pub(crate) expires_at: DateTime<Utc>,
}

impl FromRedisValue for PlaceEnd {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut reply = Reply::new(value)?;
        Ok(Self {
            grant_id: reply.next()?,
            expires_at: reply.millis()?,
        })
    }
}

impl WaitingLine {
    /// The active place that names this reservation token, if there is one.
    pub(crate) async fn place_of_token(&self, event: Uuid, user: Uuid, token: &str) -> RedisResult<Option<PlaceEnd>> {
        VALIDATE
            .key(&keys::line(event))
            .arg(user.to_string())
            .arg(token)
            .invoke_async(&mut self.connection())
            .await
    }

    /// Lets the user's active place, and with it its token and the user's claim, last at least until `until`: a claim that ended
    /// before the place would let the user take another one elsewhere. Without an active place it does nothing.
    pub(crate) async fn extend_place(&self, event: Uuid, user: Uuid, until: DateTime<Utc>) -> RedisResult<()> {
        let extended: Option<(String, i64, u64)> = EXTEND
            .key(&keys::line(event))
            .arg(user.to_string())
            .arg(until.timestamp_millis())
            .invoke_async(&mut self.connection())
            .await?;
        if let Some((token, expires_millis, left_millis)) = extended {
            tokio::try_join!(
                self.extend_token(&token, expires_millis),
                self.extend_claim(user, event, Duration::from_millis(left_millis)),
            )?;
        }
        Ok(())
    }

    /// After a loss: gives the user, who holds seats, a place until `until`, under the grant of then. What token it had only
    /// the user's ticket knows; without it there is a new one. Whether the user has a place now.
    pub(crate) async fn count_in(
        &self,
        event: Uuid,
        user: Uuid,
        grant_id: &str,
        until: DateTime<Utc>,
    ) -> RedisResult<bool> {
        COUNT_IN
            .key(&keys::line(event))
            .arg(user.to_string())
            .arg(grant_id)
            .arg(random_token("qr_"))
            .arg(until.timestamp_millis())
            .invoke_async(&mut self.connection())
            .await
    }

    /// A reservation was confirmed: notes the sale, and ends the user's place if it is of that grant.
    ///
    /// Who dies before the token is forgotten leaves one that no grant names; it is worth nothing and expires.
    pub(crate) async fn release(&self, event: Uuid, user: Uuid, grant_id: &str) -> RedisResult<()> {
        let token: String = RELEASE
            .key(&keys::line(event))
            .arg(user.to_string())
            .arg(grant_id)
            .invoke_async(&mut self.connection())
            .await?;
        if token.is_empty() {
            return Ok(());
        }
        crash::point("queue.release.place-gone");
        self.drop_tokens(&[token]).await
    }
}
