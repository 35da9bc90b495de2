//! What clients read of concerts, kept ready (`docs/caching.md`).
//!
//! | what | kept in Redis | how sales and changes get in |
//! |---|---|---|
//! | `event` | the concert | its version comes with the pulse |
//! | `list` | usual pages | a new generation with every change |
//! | `seat_map` | the seats | their version with the pulse; sales as changes since a version |
//! | `pulse` | nothing: versions and seat counts are asked of the database, four times a second at most | |
//!
//! Statuses follow from the time at each reply: a finished reply is used again only until the next moment at which one of
//! them moves (`rendered`).

mod event;
mod list;
mod pulse;
mod rendered;
mod seat_map;

use crate::{
    cache::{Cache, CacheConfig, Forgetting, ListGeneration, LoadLimit, Shared, Slot, keys},
    db::pulse::Pulse,
};
use common::{Clock, lifecycle::Shutdown, redis::Redis};
use event::CachedEvent;
use list::{ListPage, Lull};
use quick_cache::sync::Cache as Local;
use redis::RedisResult;
pub(crate) use seat_map::SeatMap;
use seat_map::{Layout, ShownMap};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Concerts, lists and seat maps, from memory, Redis or the database.
pub(crate) struct Reads {
    pool: PgPool,
    clock: Clock,
    limit: LoadLimit,
    known_for: Duration,
    ttl: Duration,
    ttl_near_opening: Duration,
    events: Cache<CachedEvent>,
    lists: Cache<ListPage>,
    layouts: Cache<Layout>,
    pulses: Local<Uuid, Arc<Slot<Pulse>>>,
    maps: Local<Uuid, Arc<Slot<ShownMap>>>,
    lulls: Slot<Lull>,
    lists_generation: Arc<ListGeneration>,
    forgetting: Arc<Forgetting>,
}

impl Reads {
    pub(crate) fn new(pool: &PgPool, redis: Redis, clock: &Clock, config: &CacheConfig) -> Self {
        let shared = Arc::new(Shared::new(redis, config));
        let limit = LoadLimit::new(config.loads_max, config.load_wait);
        let lists_generation = Arc::new(ListGeneration::new(&shared, config.known_for));
        Self {
            pool: pool.clone(),
            clock: clock.clone(),
            known_for: config.known_for,
            ttl: config.ttl,
            ttl_near_opening: config.ttl_near_opening,
            events: Cache::new(&shared, &limit, config, config.local_entries),
            lists: Cache::new(&shared, &limit, config, config.local_entries),
            layouts: Cache::new(&shared, &limit, config, config.local_seat_maps),
            pulses: Local::new(config.local_entries),
            maps: Local::new(config.local_seat_maps),
            lulls: Slot::default(),
            forgetting: Arc::new(Forgetting::new(&shared, &lists_generation)),
            lists_generation,
            limit,
        }
    }

    /// Forgets concerts that were changed, made or deleted, after the commit: this process at once, the others within
    /// `CACHE_KNOWN_MILLIS`.
    ///
    /// # Errors
    /// When Redis could not be told yet; it will be (`Forgetting`).
    pub(crate) async fn forget(&self, concerts: &[Uuid]) -> RedisResult<()> {
        let keys = concerts.iter().flat_map(|id| [keys::event(*id), keys::seats(*id)]);
        let told = self.forgetting.forget(keys.collect()).await;
        for id in concerts {
            self.events.forget_here(&keys::event(*id));
            self.layouts.forget_here(&keys::seats(*id));
            // Who feels it now began before the change, perhaps.
            self.pulses.remove(id);
        }
        told
    }

    /// As [`Reads::forget`], for those who have answered their client already: what Redis does not know yet it will know.
    pub(crate) async fn changed(&self, concerts: &[Uuid]) {
        if let Err(error) = self.forget(concerts).await {
            tracing::warn!(error.message = %error, "a change is not known in Redis yet");
        }
    }

    /// The worker that keeps at forgetting.
    pub(crate) async fn keep_forgetting(self: Arc<Self>, shutdown: Shutdown) {
        Arc::clone(&self.forgetting).run(shutdown).await;
    }
}
