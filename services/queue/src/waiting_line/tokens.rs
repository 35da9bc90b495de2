use super::{Grant, WaitingLine, keys};
use crate::domain::made_at;
use chrono::{DateTime, SubsecRound, Utc};
use common::crypto::random_token;
use redis::{RedisError, RedisResult, cmd};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum TokenKind {
    /// `qr_`: holding seats.
    Reservation,
    /// `qp_`: paying for one reservation.
    Payment,
}

/// What `queue:token:<token>` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRecord {
    user_id: Uuid,
    event_id: Uuid,
    #[serde(rename = "type")]
    kind: TokenKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reservation_id: Option<Uuid>,
    issued_at: DateTime<Utc>,
}

/// A payment token and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaymentToken {
    pub(crate) token: String,
    pub(crate) expires_at: DateTime<Utc>,
}

impl WaitingLine {
    /// Writes the grant's reservation token where the gateway looks for it. Done at each poll: the token and its expiry are
    /// the grant's, so two tabs or a crash never make two.
    pub(crate) async fn publish_grant(
        &self,
        event: Uuid,
        user: Uuid,
        grant: &Grant,
        now: DateTime<Utc>,
    ) -> RedisResult<()> {
        let record = TokenRecord {
            user_id: user,
            event_id: event,
            kind: TokenKind::Reservation,
            reservation_id: None,
            // The same at each poll, like everything else of the token.
            issued_at: Uuid::parse_str(&grant.id).ok().and_then(made_at).unwrap_or(now),
        };
        cmd("SET")
            .arg(keys::token(&grant.token))
            .arg(json(&record)?)
            .arg("PXAT")
            .arg(grant.expires_at.timestamp_millis())
            .query_async(&mut self.connection())
            .await
    }

    /// Issues a payment token for a reservation.
    pub(crate) async fn issue_payment_token(
        &self,
        event: Uuid,
        user: Uuid,
        reservation: Uuid,
        life: Duration,
    ) -> RedisResult<PaymentToken> {
        let now = self.now().await?;
        let token = random_token("qp_");
        // Redis counts milliseconds.
        let expires_at = (now + life).trunc_subsecs(3);
        let record = TokenRecord {
            user_id: user,
            event_id: event,
            kind: TokenKind::Payment,
            reservation_id: Some(reservation),
            issued_at: now,
        };
        cmd("SET")
            .arg(keys::token(&token))
            .arg(json(&record)?)
            .arg("PXAT")
            .arg(expires_at.timestamp_millis())
            .query_async::<()>(&mut self.connection())
            .await?;
        Ok(PaymentToken { token, expires_at })
    }

    /// The end of a payment token, if it is of this user, event and, if asked for, reservation.
    pub(crate) async fn payment_token_end(
        &self,
        token: &str,
        user: Uuid,
        event: Uuid,
        reservation: Option<Uuid>,
    ) -> RedisResult<Option<DateTime<Utc>>> {
        let key = keys::token(token);
        let (mut reading, mut timing) = (self.connection(), self.connection());
        let (text, expires) = tokio::try_join!(
            async { cmd("GET").arg(&key).query_async::<Option<String>>(&mut reading).await },
            async { cmd("PEXPIRETIME").arg(&key).query_async::<i64>(&mut timing).await },
        )?;
        let record = text.and_then(|text| serde_json::from_str::<TokenRecord>(&text).ok());
        let good = record.is_some_and(|record| {
            record.kind == TokenKind::Payment
                && record.user_id == user
                && record.event_id == event
                && reservation.is_none_or(|wanted| record.reservation_id == Some(wanted))
        });
        // A negative time: it ended between the two commands.
        Ok(if good && expires > 0 {
            DateTime::from_timestamp_millis(expires)
        } else {
            None
        })
    }

    /// Redis' time.
    pub(crate) async fn now(&self) -> RedisResult<DateTime<Utc>> {
        self.redis.now().await
    }

    /// A token never published yet has nothing to extend; its owner's next poll writes the new expiry.
    pub(super) async fn extend_token(&self, token: &str, expires_millis: i64) -> RedisResult<()> {
        cmd("PEXPIREAT")
            .arg(keys::token(token))
            .arg(expires_millis)
            .query_async(&mut self.connection())
            .await
    }

    /// Forgets tokens whose grants have ended. They are worth nothing already; this only lets the gateway know.
    pub(super) async fn drop_tokens(&self, tokens: &[String]) -> RedisResult<()> {
        // One key per command: the tokens lie in slots of their own.
        let deletions = tokens.iter().map(|token| {
            let mut connection = self.connection();
            async move {
                cmd("DEL")
                    .arg(keys::token(token))
                    .query_async::<()>(&mut connection)
                    .await
            }
        });
        futures_util::future::try_join_all(deletions).await?;
        Ok(())
    }
}

fn json(record: &TokenRecord) -> RedisResult<String> {
    serde_json::to_string(record).map_err(|error| {
        RedisError::from((
            redis::ErrorKind::Client,
            "a token cannot be written as JSON",
            error.to_string(),
        ))
    })
}
