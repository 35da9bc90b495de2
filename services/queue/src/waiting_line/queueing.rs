use super::{
    Seen, Standing, WaitingLine, keys,
    scripts::{ENTER, LEAVE, PEEK, POLL, RESTORE},
    standing::Reply,
};
use crate::domain::{Ticket, TicketState};
use chrono::{DateTime, Utc};
use common::crash;
use redis::{FromRedisValue, ParsingError, RedisResult, Value};
use std::time::Duration;
use uuid::Uuid;

/// What the script that adds a place must know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EnterLimits {
    pub(crate) capacity: u32,
    pub(crate) opens: DateTime<Utc>,
    pub(crate) closes: DateTime<Utc>,
    pub(crate) session: Duration,
}

/// How an entry ended; all but the first are refusals.
#[derive(Clone, Debug)]
pub(crate) enum EnterReply {
    /// The place, new or had before.
    Standing(Seen<Standing>),
    /// The sale has not begun; with Redis' time.
    NotOpen(DateTime<Utc>),
    /// The sale is over.
    Closed,
    /// No place is left in line.
    Full,
}

impl FromRedisValue for EnterReply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut reply = Reply::new(value)?;
        let word: String = reply.next()?;
        Ok(match word.as_str() {
            "NOT_OPEN" => Self::NotOpen(reply.micros()?),
            "CLOSED" => Self::Closed,
            "FULL" => Self::Full,
            word => Self::Standing(reply.standing(word)?.ok_or("an unknown reply of the entry script")?),
        })
    }
}

impl WaitingLine {
    /// Joins the line at its end, or finds the place had before. The caller holds the user's claim.
    pub(crate) async fn enter(&self, event: Uuid, user: Uuid, limits: EnterLimits) -> RedisResult<EnterReply> {
        let connection = self.connection();
        let enter = move |limits: EnterLimits, users: Vec<Uuid>| {
            let mut connection = connection.clone();
            async move {
                let mut call = ENTER.prepare_invoke();
                call.key(&keys::line(event))
                    .arg(limits.capacity)
                    .arg(limits.opens.timestamp_micros())
                    .arg(limits.closes.timestamp_micros())
                    .arg(millis(limits.session));
                for user in users {
                    call.arg(user.to_string());
                }
                call.invoke_async(&mut connection).await
            }
        };
        self.entries.join(event, user, limits, enter).await
    }

    /// Where the user stands. A heartbeat for who waits; makes the grant of who was admitted active for `session`.
    pub(crate) async fn poll(&self, event: Uuid, user: Uuid, session: Duration) -> RedisResult<Seen<Standing>> {
        let connection = self.connection();
        let poll = move |session: Duration, users: Vec<Uuid>| {
            let mut connection = connection.clone();
            async move {
                let mut call = POLL.prepare_invoke();
                call.key(&keys::line(event)).arg(millis(session));
                for user in users {
                    call.arg(user.to_string());
                }
                call.invoke_async(&mut connection).await
            }
        };
        self.polls.join(event, user, session, poll).await
    }

    /// Whether the user has a place or a grant, without touching it.
    pub(crate) async fn is_present(&self, event: Uuid, user: Uuid) -> RedisResult<bool> {
        PEEK.key(&keys::line(event))
            .arg(user.to_string())
            .invoke_async(&mut self.connection())
            .await
    }

    /// Puts back what the ticket proves, after a loss. A place had by now wins, unless it is the one `at_the_end`, which was
    /// given to who had no ticket. Who was in is in again if there is room; where `max_active` is not given, there always is.
    pub(crate) async fn restore(
        &self,
        ticket: &Ticket,
        session: Duration,
        max_active: Option<u32>,
        at_the_end: Option<i64>,
    ) -> RedisResult<Seen<Standing>> {
        let mut call = RESTORE.prepare_invoke();
        call.key(&keys::line(ticket.event))
            .arg(ticket.user.to_string())
            .arg(millis(session))
            .arg(ticket.score)
            .arg(at_the_end.unwrap_or_default());
        if let TicketState::Active {
            grant_id,
            token,
            expires_at_millis,
        } = &ticket.state
        {
            call.arg(grant_id)
                .arg(token)
                .arg(*expires_at_millis)
                .arg(max_active.map_or(-1, i64::from));
        }
        call.invoke_async(&mut self.connection()).await
    }

    /// Gives up place and grant; repeating it does nothing. Returns whether there was anything.
    ///
    /// Who dies before the token is forgotten leaves one that no grant names; it is worth nothing and expires.
    pub(crate) async fn leave(&self, event: Uuid, user: Uuid) -> RedisResult<bool> {
        let (left, token): (bool, String) = LEAVE
            .key(&keys::line(event))
            .arg(user.to_string())
            .invoke_async(&mut self.connection())
            .await?;
        if !token.is_empty() {
            crash::point("queue.leave.place-gone");
            self.drop_tokens(&[token]).await?;
        }
        Ok(left)
    }
}

/// Milliseconds as scripts take them.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
