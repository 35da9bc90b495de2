//! Events and their seats as the event service sells them, kept in memory.
//!
//! A copy is used until its time is over, until its sale opens (prices may change right up to then), or until a message
//! has told of a newer version: every hold and seat map compares the copy's version with the newest one that this
//! service's database knows, and asks for [`Catalogue::at_least`] that. One request loads. The others wait for it, unless
//! there is a copy that is merely old: that one serves them meanwhile, and if the event service is down or hangs it goes on
//! serving, to all at once for [`FAILURE_SHARED`].
//!
//! Here the service's own clock only spares useless attempts. What may be sold is judged in the hold's transaction, by the
//! databases' clocks ([`crate::transitions`]), and a copy that it turns down is replaced by [`Catalogue::newer_than`] it.

use crate::{
    neighbours::{CatalogueSeat, EventClient, EventInfo},
    seat_map::Outline,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    Clock,
    client::ClientError,
    problem::{ApiResult, Code, Problem},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use uuid::Uuid;

/// Whoever comes this soon after the event service did not answer takes an old copy without asking again, or a crowd would
/// wait for a service that hangs one after the other.
const FAILURE_SHARED: Duration = Duration::from_secs(5);

/// An event with its seats.
#[derive(Debug)]
pub(crate) struct EventOnSale {
    pub(crate) event_id: Uuid,
    pub(crate) info: EventInfo,
    /// The event's version when it was read.
    pub(crate) version: i64,
    /// In the hall's order.
    pub(crate) seats: Vec<CatalogueSeat>,
    positions: HashMap<Uuid, usize>,
    /// Written when the first seat map is asked for: many copies serve holds only, and it is as large as a map.
    outline: OnceLock<Outline>,
    loaded_at: DateTime<Utc>,
}

impl EventOnSale {
    /// The seat of that id.
    pub(crate) fn seat(&self, seat_id: Uuid) -> Option<&CatalogueSeat> {
        self.position(seat_id).and_then(|position| self.seats.get(position))
    }

    /// Where the seat is among [`Self::seats`].
    pub(crate) fn position(&self, seat_id: Uuid) -> Option<usize> {
        self.positions.get(&seat_id).copied()
    }

    /// What its seat maps have in common.
    pub(crate) fn outline(&self) -> ApiResult<&Outline> {
        if let Some(outline) = self.outline.get() {
            return Ok(outline);
        }
        let outline = Outline::new(self.event_id, &self.seats).map_err(|error| Problem::internal(&error))?;
        Ok(self.outline.get_or_init(|| outline))
    }

    /// Whether the sale opened after this was read, so that prices may have changed in between.
    fn is_from_before_the_sale(&self, now: DateTime<Utc>) -> bool {
        self.loaded_at < self.info.sale_start_at && now >= self.info.sale_start_at
    }
}

/// The events in memory.
pub(crate) struct Catalogue {
    client: EventClient,
    clock: Clock,
    ttl: TimeDelta,
    max_events: usize,
    slots: Mutex<HashMap<Uuid, Arc<Slot>>>,
}

/// One event's copy.
#[derive(Default)]
struct Slot {
    current: RwLock<Option<Arc<EventOnSale>>>,
    /// Held by the one that loads; when that failed last.
    loading: AsyncMutex<Option<Instant>>,
}

impl Slot {
    fn current(&self) -> Option<Arc<EventOnSale>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Catalogue {
    pub(crate) fn new(client: EventClient, clock: Clock, ttl: Duration, max_events: usize) -> Self {
        let ttl = TimeDelta::from_std(ttl).unwrap_or(TimeDelta::MAX);
        Self {
            client,
            clock,
            ttl,
            max_events: max_events.max(1),
            slots: Mutex::default(),
        }
    }

    /// The event, or 404 `EVENT_NOT_FOUND`.
    pub(crate) async fn get(&self, event_id: Uuid) -> ApiResult<Arc<EventOnSale>> {
        self.at_least(event_id, 0).await
    }

    /// The event at that version or a newer one; an older one only if the event service itself has none newer.
    pub(crate) async fn at_least(&self, event_id: Uuid, version: i64) -> ApiResult<Arc<EventOnSale>> {
        self.find(event_id, version, None).await
    }

    /// A later copy of the event than this one, at that version or a newer one as [`Self::at_least`] has it.
    pub(crate) async fn newer_than(&self, copy: &Arc<EventOnSale>, version: i64) -> ApiResult<Arc<EventOnSale>> {
        self.find(copy.event_id, version, Some(copy)).await
    }

    async fn find(
        &self,
        event_id: Uuid,
        version: i64,
        refused: Option<&Arc<EventOnSale>>,
    ) -> ApiResult<Arc<EventOnSale>> {
        let slot = self.slot(event_id);
        let other = |event: &Arc<EventOnSale>| refused.is_none_or(|refused| !Arc::ptr_eq(refused, event));
        if let Some(event) = self.usable(&slot, version).filter(other) {
            return Ok(event);
        }
        let free = slot.loading.try_lock().ok();
        if free.is_none()
            && let Some(event) = self.merely_old(&slot, version).filter(other)
        {
            return Ok(event);
        }
        let mut failed = match free {
            Some(free) => free,
            None => slot.loading.lock().await,
        };
        // Somebody else may have loaded it while we waited.
        if let Some(event) = self.usable(&slot, version).filter(other) {
            return Ok(event);
        }
        if failed.is_some_and(|at| at.elapsed() < FAILURE_SHARED)
            && let Some(event) = self.merely_old(&slot, version).filter(other)
        {
            return Ok(event);
        }
        match self.load(event_id).await {
            Ok(Some(event)) => {
                let event = Arc::new(event);
                *failed = None;
                *slot.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&event));
                self.evict_beyond_limit(event_id);
                Ok(event)
            }
            Ok(None) => {
                self.lock_slots().remove(&event_id);
                Err(Problem::new(Code::EventNotFound))
            }
            Err(error) => {
                *failed = Some(Instant::now());
                let event = self.merely_old(&slot, version).filter(other);
                let event = event.ok_or_else(|| Problem::from(error))?;
                tracing::warn!(event.id = %event_id, "an old copy of an event serves, the event service did not answer");
                Ok(event)
            }
        }
    }

    fn usable(&self, slot: &Slot, version: i64) -> Option<Arc<EventOnSale>> {
        let now = self.clock.now();
        self.merely_old(slot, version)
            .filter(|event| now - event.loaded_at < self.ttl)
    }

    /// The copy, however old, if nothing is known to have changed since.
    fn merely_old(&self, slot: &Slot, version: i64) -> Option<Arc<EventOnSale>> {
        let now = self.clock.now();
        slot.current()
            .filter(|event| event.version >= version && !event.is_from_before_the_sale(now))
    }

    async fn load(&self, event_id: Uuid) -> Result<Option<EventOnSale>, ClientError> {
        let loaded_at = self.clock.now();
        let Some(catalogue) = self.client.catalogue(event_id).await? else {
            return Ok(None);
        };
        let positions = catalogue
            .seats
            .iter()
            .enumerate()
            .map(|(position, seat)| (seat.id, position))
            .collect();
        Ok(Some(EventOnSale {
            event_id,
            info: catalogue.info,
            version: catalogue.version,
            seats: catalogue.seats,
            positions,
            outline: OnceLock::new(),
            loaded_at,
        }))
    }

    fn slot(&self, event_id: Uuid) -> Arc<Slot> {
        Arc::clone(self.lock_slots().entry(event_id).or_default())
    }

    /// Lets go of the copies loaded longest ago, never of the one just loaded.
    fn evict_beyond_limit(&self, keep: Uuid) {
        let mut slots = self.lock_slots();
        while slots.len() > self.max_events {
            let loaded_at = |slot: &Slot| slot.current().map(|event| event.loaded_at);
            let oldest = slots
                .iter()
                .filter(|(id, _)| **id != keep)
                .min_by_key(|(_, slot)| loaded_at(slot));
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                return;
            };
            slots.remove(&oldest);
        }
    }

    fn lock_slots(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
