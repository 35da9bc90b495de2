//! Holds in Redis: they keep the crowd off seats that somebody is about to get, so that one buyer per seat reaches the
//! database. They decide nothing: the assignments in the database do, and losing all holds sells no seat twice.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `seat:hold:{<eventId>}:<seatId>` | string with TTL | `<userId>:<reservationId>` of the holder |
//! | `seat:holds:{<eventId>}` | sorted set | seat ids by expiry in ms: the list of holds without `KEYS` or `SCAN` |
//! | `seat:holds:whole` | string | the run id of the server process whose holds are whole; missing or of another: some may be lost. On a cluster the run ids of all masters, and each has copies, `seat:holds:whole:{<tag>}` |
//!
//! The first two of an event are in one slot. Scripts get every key in `KEYS`. A seat held by the same user counts as free, so that
//! a buyer whose request died between Redis and the database gets the same seats again at once; which of the two
//! reservations it is, the database says.

use crate::domain::Tickets;
use common::redis::{Redis, where_reachable};
use futures_util::future::join_all;
use redis::{RedisResult, Script, ScriptInvocation};
use std::time::Duration;
use uuid::Uuid;

/// The hold of one seat.
fn hold_key(event_id: Uuid, seat_id: Uuid) -> String {
    format!("seat:hold:{{{event_id}}}:{seat_id}")
}

/// The index of an event's holds.
fn index_key(event_id: Uuid) -> String {
    format!("seat:holds:{{{event_id}}}")
}

/// Which server process has all the holds that the database knows.
const WHOLE_KEY: &str = "seat:holds:whole";

/// The holds of all events.
pub(crate) struct SeatHolds {
    redis: Redis,
    hold: Script,
    keep: Script,
    release: Script,
    restore: Script,
    end_rebuild: Script,
}

/// A rebuild of lost holds that has begun; [`SeatHolds::end_rebuild`] notes that it is done.
#[derive(Debug)]
pub(crate) struct Rebuild {
    /// The server processes of which some lost them.
    run_ids: String,
}

impl Rebuild {
    /// What stands in the note meanwhile, and names no process. The same for every replica, so that none undoes what another
    /// has noted.
    fn beginning(&self) -> String {
        format!("{}:rebuilding", self.run_ids.replace(',', "+"))
    }
}

/// What an attempt to hold seats came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// All of them are held.
    All {
        /// Whether some still stand under an earlier reservation of the same user.
        reused: bool,
    },
    /// Somebody else holds these; nothing was changed.
    Refused(Vec<Uuid>),
}

impl SeatHolds {
    pub(crate) fn new(redis: Redis) -> Self {
        Self {
            redis,
            hold: Script::new(include_str!("../lua/hold_seats.lua")),
            keep: Script::new(include_str!("../lua/keep_seats.lua")),
            release: Script::new(include_str!("../lua/release_seats.lua")),
            restore: Script::new(include_str!("../lua/restore_seats.lua")),
            end_rebuild: Script::new(include_str!("../lua/end_rebuild.lua")),
        }
    }

    /// Holds all the seats for `ttl`, or none.
    pub(crate) async fn hold(&self, tickets: &Tickets, ttl: Duration) -> RedisResult<Held> {
        let call = with_holder(&self.hold, tickets, ttl);
        let reply: Vec<i64> = call.invoke_async(&mut self.redis.clone()).await?;
        match reply.as_slice() {
            [0, reused] => Ok(Held::All { reused: *reused > 0 }),
            [_, positions @ ..] => {
                let seat = |position: &i64| {
                    let index = usize::try_from(*position).ok()?.checked_sub(1)?;
                    tickets.seat_ids.get(index).copied()
                };
                Ok(Held::Refused(positions.iter().filter_map(seat).collect()))
            }
            [] => Ok(Held::Refused(tickets.seat_ids.clone())),
        }
    }

    /// Makes the seats the reservation's for `ttl` from now, where nobody else holds them. What fails here is logged and
    /// no more: it costs other buyers a trip to the database.
    pub(crate) async fn keep(&self, tickets: &Tickets, ttl: Duration) {
        let call = with_holder(&self.keep, tickets, ttl);
        if let Err(error) = call.invoke_async::<i64>(&mut self.redis.clone()).await {
            tracing::warn!(
                reservation.id = %tickets.reservation_id,
                error.message = %error,
                "holds were not renewed in Redis"
            );
        }
    }

    /// Frees the seats that the reservation holds. What fails here is logged and no more: the holds expire.
    pub(crate) async fn release(&self, tickets: &Tickets) {
        let mut call = with_keys(&self.release, tickets);
        call.arg(tickets.reservation_id.to_string());
        for seat_id in &tickets.seat_ids {
            call.arg(seat_id.to_string());
        }
        if let Err(error) = call.invoke_async::<i64>(&mut self.redis.clone()).await {
            tracing::warn!(
                reservation.id = %tickets.reservation_id,
                error.message = %error,
                "holds were not released in Redis and will expire"
            );
        }
    }

    /// Puts lost holds back, for `ttl` from now, where nobody else holds the seats.
    pub(crate) async fn restore(&self, tickets: &Tickets, ttl: Duration) -> RedisResult<()> {
        let call = with_holder(&self.restore, tickets, ttl);
        call.invoke_async::<i64>(&mut self.redis.clone()).await.map(|_count| ())
    }

    /// Begins a rebuild if holds may be lost: Redis runs as another process than the one that was last found whole (it lost
    /// up to a second at its restart, or is a replica that took over), or the note is gone (it was emptied). On a cluster,
    /// if that is so of any master that answers.
    pub(crate) async fn begin_rebuild(&self) -> RedisResult<Option<Rebuild>> {
        let memory = self.redis.memory(WHOLE_KEY).await?;
        if memory.mark().is_some_and(|whole| memory.is_of(whole)) {
            return Ok(None);
        }
        let rebuild = Rebuild {
            run_ids: memory.processes(),
        };
        self.redis.mark(WHOLE_KEY, &rebuild.beginning()).await?;
        Ok(Some(rebuild))
    }

    /// Notes that the holds are whole. `false` if Redis was emptied meanwhile, or another replica was quicker: the next
    /// look tells which.
    pub(crate) async fn end_rebuild(&self, rebuild: &Rebuild) -> RedisResult<bool> {
        let noted = self.redis.copies(WHOLE_KEY).into_iter().map(|key| {
            let mut redis = self.redis.clone();
            async move {
                self.end_rebuild
                    .key(key)
                    .arg(rebuild.beginning())
                    .arg(&rebuild.run_ids)
                    .invoke_async::<bool>(&mut redis)
                    .await
            }
        });
        let noted = where_reachable(join_all(noted).await)?;
        Ok(noted.into_iter().all(|noted| noted))
    }
}

fn with_holder<'a>(script: &'a Script, tickets: &Tickets, ttl: Duration) -> ScriptInvocation<'a> {
    let mut call = with_keys(script, tickets);
    // Redis takes no TTL of zero.
    let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
    call.arg(tickets.user_id.to_string())
        .arg(tickets.reservation_id.to_string())
        .arg(millis);
    for seat_id in &tickets.seat_ids {
        call.arg(seat_id.to_string());
    }
    call
}

fn with_keys<'a>(script: &'a Script, tickets: &Tickets) -> ScriptInvocation<'a> {
    let mut call = script.key(index_key(tickets.event_id));
    for seat_id in &tickets.seat_ids {
        call.key(hold_key(tickets.event_id, *seat_id));
    }
    call
}
