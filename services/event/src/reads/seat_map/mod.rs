//! The seat map (`design.md` §3.2). Its seats are kept in Redis for all replicas; which of them are sold each process
//! follows by itself: the pulse says that something was sold, then the changes since the version at hand are read, and
//! only what they touch is made anew. So a sale costs as much in a hall of 50,000 seats as in one of 500, and a poll that
//! finds nothing new costs nothing but memory.

mod layout;
mod live;
mod pieces;
#[cfg(test)]
mod tests;

use super::{Reads, pulse::slot, rendered};
use crate::{
    cache::{Held, Loaded, Outcome, Slot, Turn, busy, keys},
    db::{
        pulse::{self, Pulse},
        seat_layout::{self, SeatChange},
    },
};
use axum::response::Response;
use bytes::Bytes;
use common::problem::{ApiResult, Problem};
use http::HeaderMap;
pub(crate) use layout::Layout;
use live::LiveMap;
pub(crate) use live::SeatMap;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{task::spawn_blocking, time::Instant};
use uuid::Uuid;

/// How often it is tried to get a layout and the sales of one version, which administrators change in between.
const TRIES: usize = 3;
/// A map that nobody looks at is given up after this.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// The map as it was when somebody last looked for changes.
pub(crate) struct ShownMap {
    pulse: Arc<Pulse>,
    gzip: Bytes,
    live: Arc<Mutex<LiveMap>>,
}

impl ShownMap {
    /// What tells this map from others of the concert: an administrator's change, a sale.
    pub(crate) fn versions(&self) -> (i64, i64) {
        (self.pulse.event_version, self.pulse.map_version)
    }

    /// The map, or what changed after a version of it.
    pub(crate) fn reply(&self, since: i64, request: &HeaderMap) -> Result<Response, Problem> {
        let is_whole = since == 0 || since > self.pulse.map_version;
        if is_whole && rendered::takes_gzip(request) {
            return Ok(rendered::gzipped(self.gzip.clone()));
        }
        let part = self.live.lock().unwrap_or_else(PoisonError::into_inner).since(since);
        let body = serde_json::to_vec(&part).map_err(|error| Problem::internal(&error))?;
        Ok(rendered::plain(body.into()))
    }
}

impl Reads {
    /// The seat map of a concert, if there is such a concert. Seats sold more than `CACHE_KNOWN_MILLIS` ago show as sold,
    /// twice that while somebody looks.
    ///
    /// # Errors
    /// 503 when the database does not tell, or too many ask it.
    pub(crate) async fn seat_map(&self, id: Uuid) -> ApiResult<Option<Arc<ShownMap>>> {
        let Some(pulse) = self.pulse(id).await? else {
            return Ok(None);
        };
        let slot = slot(&self.maps, id);
        let fits = |shown: &ShownMap| {
            shown.pulse.event_version >= pulse.event_version && shown.pulse.map_version >= pulse.map_version
        };
        let _turn = match slot.turn(FORGOTTEN_AFTER, fits).await {
            Turn::Fresh(shown) | Turn::Stale(shown) | Turn::Told(Outcome::Found(shown)) => return Ok(Some(shown)),
            Turn::Told(Outcome::Missing) => return Ok(None),
            Turn::Told(Outcome::Failed) => return Err(busy()),
            Turn::Mine(turn) => turn,
        };
        let asked = Instant::now();
        match self.draw(id, &slot).await {
            Ok(Some(shown)) => {
                let shown = Arc::new(shown);
                slot.keep(Arc::clone(&shown), asked, FORGOTTEN_AFTER);
                Ok(Some(shown))
            }
            Ok(None) => {
                slot.end(Outcome::Missing);
                self.maps.remove(&id);
                Ok(None)
            }
            Err(problem) => {
                slot.end(Outcome::Failed);
                Err(problem)
            }
        }
    }

    /// Brings the map at hand up to date, or makes one.
    async fn draw(&self, id: Uuid, slot: &Slot<ShownMap>) -> ApiResult<Option<ShownMap>> {
        let before = slot.kept().map(|shown| Arc::clone(&shown.live));
        for _ in 0..TRIES {
            let since = before.as_ref().map_or(1, |live| lock(live).version());
            let Some((pulse, changes)) = self.changes(id, since).await? else {
                return Ok(None);
            };
            if let Some(live) = &before {
                let mut map = lock(live);
                if map.is_of(pulse.event_version) {
                    map.follow(Arc::clone(&pulse), &changes);
                    let gzip = map.gzip();
                    let live = Arc::clone(live);
                    return Ok(Some(ShownMap { pulse, gzip, live }));
                }
            }
            let Some(layout) = self.layout(id, pulse.event_version).await? else {
                return Ok(None);
            };
            if layout.value.event_version != pulse.event_version {
                continue;
            }
            let changes = match since {
                1 => changes,
                // The map at hand was of another version of the concert, so its sales count for nothing.
                _ => match self.changes(id, 1).await? {
                    Some((again, changes)) if again == pulse => changes,
                    _ => continue,
                },
            };
            return self.make(id, layout, pulse, changes).await.map(Some);
        }
        Err(busy())
    }

    /// Makes the whole map: milliseconds of work for thousands of seats, which other requests do not wait for.
    async fn make(
        &self,
        id: Uuid,
        layout: Arc<Held<Layout>>,
        pulse: Arc<Pulse>,
        changes: Vec<SeatChange>,
    ) -> ApiResult<ShownMap> {
        let making = spawn_blocking(move || {
            let map = LiveMap::new(id, layout, Arc::clone(&pulse), &changes);
            ShownMap {
                pulse,
                gzip: map.gzip(),
                live: Arc::new(Mutex::new(map)),
            }
        });
        making.await.map_err(|error| Problem::internal(&error))
    }

    /// The pulse and what changed after a version of the map, of one moment.
    async fn changes(&self, id: Uuid, since: i64) -> ApiResult<Option<(Arc<Pulse>, Vec<SeatChange>)>> {
        let _permit = self.limit.turn().await?;
        let mut snapshot = self
            .pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await?;
        let Some(pulse) = pulse::of(&mut *snapshot, id).await? else {
            return Ok(None);
        };
        let changes = seat_layout::changes_since(&mut *snapshot, id, since).await?;
        snapshot.commit().await?;
        Ok(Some((Arc::new(pulse), changes)))
    }

    /// The seats of a concert; of that version unless it changes right now.
    async fn layout(&self, id: Uuid, event_version: i64) -> ApiResult<Option<Arc<Held<Layout>>>> {
        let load = || async {
            let mut snapshot = self
                .pool
                .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                .await?;
            let Some(pulse) = pulse::of(&mut *snapshot, id).await? else {
                return Ok(None);
            };
            let seats = seat_layout::of(&mut *snapshot, id).await?;
            snapshot.commit().await?;
            Ok(Some(Loaded {
                value: Layout::new(pulse.event_version, seats),
                ttl: self.ttl,
            }))
        };
        self.layouts
            .get(&keys::seats(id), &event_version.to_string(), load)
            .await
    }
}

fn lock(live: &Mutex<LiveMap>) -> std::sync::MutexGuard<'_, LiveMap> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}
