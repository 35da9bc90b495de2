//! A lock per seat in Redis, as it is usually done and as the design document describes it (§6.4.2, §11.1): one seat after
//! the other is locked, looked at and marked as held, and the locks are given back when the request is over. With one lock
//! per seat nothing can be asked about the next seat before the answer about this one is there, so four seats are sixteen
//! round trips.
//!
//! It goes through the same client library and the same shared connection as the service's script, so that its commands
//! are pipelined with those of other requests just as well. Two things it needs for the whole job are left out, in its
//! favour: an index of the holds for the seat map, and a renewal of the locks while the transaction runs.

use common::redis::Redis;
use redis::{RedisResult, Script};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const HOLD_MILLIS: u64 = 300_000;
/// Longer than any request takes; a crash leaves the lock this long.
const LOCK_MILLIS: u64 = 10_000;
/// How long a locked seat is waited for, and how long between two tries.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// Compare and delete, so that a late unlock never ends another's lock.
const UNLOCK: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

pub(crate) struct SeatLocks {
    redis: Redis,
    unlock: Script,
    event_id: Uuid,
}

impl SeatLocks {
    pub(crate) fn new(redis: Redis, event_id: Uuid) -> Self {
        Self {
            redis,
            unlock: Script::new(UNLOCK),
            event_id,
        }
    }

    /// Locks, checks and marks one seat after the other; the seats are sorted, so that two requests cannot wait for one
    /// another. Tells whether all were free. The locks stay until [`SeatLocks::unlock`].
    pub(crate) async fn hold(&self, reservation_id: Uuid, user_id: Uuid, seat_ids: &[Uuid]) -> RedisResult<bool> {
        for (index, seat_id) in seat_ids.iter().enumerate() {
            if !self.lock(reservation_id, *seat_id).await? || self.is_held(*seat_id).await? {
                let marked = seat_ids.get(..index).unwrap_or_default();
                self.release(marked).await?;
                return Ok(false);
            }
            let key = format!("peer:hold:{{{}}}:{seat_id}", self.event_id);
            let value = format!("{user_id}:{reservation_id}");
            let mut set = redis::cmd("SET");
            set.arg(key).arg(value).arg("PX").arg(HOLD_MILLIS);
            set.query_async::<()>(&mut self.redis.clone()).await?;
        }
        Ok(true)
    }

    pub(crate) async fn unlock(&self, reservation_id: Uuid, seat_ids: &[Uuid]) -> RedisResult<()> {
        for seat_id in seat_ids {
            let mut call = self.unlock.key(self.lock_key(*seat_id));
            call.arg(reservation_id.to_string());
            call.invoke_async::<i64>(&mut self.redis.clone()).await?;
        }
        Ok(())
    }

    async fn lock(&self, owner: Uuid, seat_id: Uuid) -> RedisResult<bool> {
        let mut set = redis::cmd("SET");
        set.arg(self.lock_key(seat_id))
            .arg(owner.to_string())
            .arg("NX")
            .arg("PX")
            .arg(LOCK_MILLIS);
        let asked = Instant::now();
        loop {
            let reply: Option<String> = set.query_async(&mut self.redis.clone()).await?;
            if reply.is_some() || asked.elapsed() > PATIENCE {
                return Ok(reply.is_some());
            }
            sleep(PAUSE).await;
        }
    }

    async fn is_held(&self, seat_id: Uuid) -> RedisResult<bool> {
        let key = format!("peer:hold:{{{}}}:{seat_id}", self.event_id);
        let holder: Option<String> = redis::cmd("GET").arg(key).query_async(&mut self.redis.clone()).await?;
        Ok(holder.is_some())
    }

    async fn release(&self, seat_ids: &[Uuid]) -> RedisResult<()> {
        for seat_id in seat_ids {
            let key = format!("peer:hold:{{{}}}:{seat_id}", self.event_id);
            redis::cmd("DEL")
                .arg(key)
                .query_async::<()>(&mut self.redis.clone())
                .await?;
        }
        Ok(())
    }

    fn lock_key(&self, seat_id: Uuid) -> String {
        format!("peer:lock:{{{}}}:{seat_id}", self.event_id)
    }
}
