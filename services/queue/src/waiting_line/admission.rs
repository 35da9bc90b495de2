use super::{
    WaitingLine, keys,
    queueing::millis,
    scripts::{ADMIT, CLOSE, STATS},
    standing::Reply,
};
use crate::domain::{Limits, Settings};
use chrono::{DateTime, Utc};
use common::{crash, crypto::random_token};
use redis::{FromRedisValue, ParsingError, RedisResult, Value};
use uuid::Uuid;

/// What one tick of admission must know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick<'a> {
    pub(crate) settings: Settings,
    pub(crate) limits: &'a Limits,
    /// Nobody is admitted: by an administrator, before the sale, or after a loss of Redis.
    pub(crate) paused: bool,
    /// Unsold seats and the number of sales known when they were counted; `None` if nobody knows.
    pub(crate) unsold: Option<(u32, u64)>,
    /// Whether a new bucket is full. After a loss it is empty, because the one before may just have been spent.
    pub(crate) full_bucket: bool,
    /// The name of the memory that the epoch was asked about; the tick does nothing in another ([`other_life`]). `None`: any.
    pub(crate) life: Option<&'a str>,
}

/// The name of the memory that a tick found instead of the one it knows: places may have been lost since the epoch was asked
/// for.
pub(crate) fn other_life(error: &redis::RedisError) -> Option<&str> {
    error.detail().filter(|_| error.code() == Some("OTHERLIFE"))
}

/// What one tick did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TickOutcome {
    pub(crate) waiting: u64,
    pub(crate) active: u64,
    pub(crate) admitted: u64,
    pub(crate) evicted: u64,
    pub(crate) expired: u64,
    /// Grants that nobody claimed and that went back to the line.
    pub(crate) returned: u64,
    /// Seats were sold since the unsold ones were counted, so nobody was admitted: count again.
    pub(crate) stale: bool,
    /// Sales so far.
    pub(crate) sales: u64,
}

impl FromRedisValue for TickOutcome {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut reply = Reply::new(value)?;
        Ok(Self {
            waiting: reply.next()?,
            active: reply.next()?,
            admitted: reply.next()?,
            evicted: reply.next()?,
            expired: reply.next()?,
            returned: reply.next()?,
            stale: reply.next()?,
            sales: reply.next()?,
        })
    }
}

/// What administrators see of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LineStats {
    pub(crate) waiting: u64,
    pub(crate) active: u64,
    pub(crate) admitted: u64,
    pub(crate) expired: u64,
    pub(crate) left: u64,
    pub(crate) evicted: u64,
    pub(crate) measured: Option<f64>,
    /// When the first in line entered.
    pub(crate) oldest: Option<DateTime<Utc>>,
    pub(crate) now: DateTime<Utc>,
}

impl FromRedisValue for LineStats {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut reply = Reply::new(value)?;
        Ok(Self {
            waiting: reply.next()?,
            active: reply.next()?,
            admitted: reply.next()?,
            expired: reply.next()?,
            left: reply.next()?,
            evicted: reply.next()?,
            measured: reply.pace()?,
            oldest: Some(reply.next::<i64>()?)
                .filter(|score| *score > 0)
                .and_then(DateTime::from_timestamp_micros),
            now: reply.micros()?,
        })
    }
}

impl WaitingLine {
    /// Admits, evicts and expires what is due now.
    pub(crate) async fn tick(&self, event: Uuid, tick: Tick<'_>) -> RedisResult<TickOutcome> {
        let Tick { settings, limits, .. } = tick;
        let burst = settings.burst(limits);
        let (unsold, sales) = tick
            .unsold
            .map_or((-1, 0), |(unsold, sales)| (i64::from(unsold), sales));
        let mut call = ADMIT.prepare_invoke();
        call.key(&keys::line(event))
            .arg(settings.admission_per_second)
            .arg(burst)
            .arg(if tick.full_bucket { burst } else { 0.0 })
            .arg(settings.max_active)
            .arg(u8::from(tick.paused))
            .arg(unsold)
            .arg(sales)
            .arg(millis(limits.grace).saturating_mul(1000))
            .arg(millis(limits.claim))
            .arg(limits.batch)
            .arg(limits.evictions);
        // More can not be admitted at once, so no more tokens are made.
        for _ in 0..most_admissions(burst, limits.batch) {
            call.arg(Uuid::now_v7().to_string()).arg(random_token("qr_"));
        }
        if let Some(life) = tick.life {
            call.arg(life);
        }
        call.invoke_async(&mut self.connection()).await
    }

    /// Sends everybody away, for a sale that ended or an event that was cancelled.
    pub(crate) async fn close(&self, event: Uuid) -> RedisResult<()> {
        let tokens: Vec<String> = CLOSE
            .key(&keys::line(event))
            .invoke_async(&mut self.connection())
            .await?;
        crash::point("queue.close.line-gone");
        self.drop_tokens(&tokens).await
    }

    /// The line's numbers.
    pub(crate) async fn stats(&self, event: Uuid) -> RedisResult<LineStats> {
        STATS.key(&keys::line(event)).invoke_async(&mut self.connection()).await
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and the cast saturates"
)]
fn most_admissions(burst: f64, batch: u32) -> u32 {
    (burst.ceil() as u32).min(batch)
}
