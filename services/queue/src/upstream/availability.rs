use crate::per_event_cache::{MaxAge, Miss, PerEventCache};
use common::client::{ClientError, ServiceClient};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// Unsold seats, from the reservation service.
pub(crate) struct Availability {
    client: ServiceClient,
    cache: PerEventCache<Reading>,
    /// Sales of each event as the last tick saw them.
    sales: Mutex<HashMap<Uuid, u64>>,
    age: MaxAge,
}

/// A count of unsold seats, and the number of sales known before it was taken. A confirmed reservation ends a place and takes
/// seats; a count from before it would admit one too many into the place.
#[derive(Clone, Copy, Debug)]
struct Reading {
    unsold: u32,
    sales: u64,
}

#[derive(Deserialize)]
struct Reply {
    unsold: i64,
}

impl Availability {
    /// Readings are taken anew after `ttl` and believed for `patience` while none can be had.
    pub(crate) fn new(client: ServiceClient, ttl: Duration, patience: Duration) -> Self {
        Self {
            client,
            cache: PerEventCache::new(),
            sales: Mutex::default(),
            age: MaxAge {
                fresh: ttl,
                stale: patience,
            },
        }
    }

    /// Unsold seats and the sales known when they were counted; `None` if nobody knows.
    pub(crate) async fn unsold(&self, event: Uuid) -> Option<(u32, u64)> {
        match self.cache.get(event, self.age, || self.load(event)).await {
            Ok(reading) => Some((reading.unsold, reading.sales)),
            Err(Miss::Failed(error)) => {
                tracing::warn!(event.id = %event, error.message = %error, "cannot count unsold seats");
                None
            }
            Err(Miss::Unanswered) => None,
        }
    }

    /// Whether the last count, if it is recent, says that no seat is left.
    pub(crate) fn is_sold_out(&self, event: Uuid) -> bool {
        self.cache
            .peek(event, self.age.stale)
            .is_some_and(|reading| reading.unsold == 0)
    }

    /// Whether there is a recent count at all.
    pub(crate) fn is_known(&self, event: Uuid) -> bool {
        self.cache.peek(event, self.age.stale).is_some()
    }

    /// Notes the sales a tick saw; a count from before another sale is out of date.
    pub(crate) fn note_sales(&self, event: Uuid, sales: u64) {
        let before = self
            .sales
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(event, sales);
        if before.unwrap_or(0) != sales {
            self.cache.outdate(event);
        }
    }

    /// Seats came back or were sold: count again. Until that is done the old count admits nobody, but it still tells the waiting
    /// whether any seats are left: at ten sales a second they would else be told "unknown" every other time.
    pub(crate) fn outdate(&self, event: Uuid) {
        self.cache.outdate(event);
    }

    /// The event has no line any more.
    pub(crate) fn retire(&self, event: Uuid) {
        self.sales.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
        self.cache.forget(event);
    }

    async fn load(&self, event: Uuid) -> Result<Reading, ClientError> {
        let sales = self
            .sales
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&event)
            .copied()
            .unwrap_or(0);
        let reply: Reply = self
            .client
            .get(&format!("/internal/reservations/availability/{event}"))
            .await?;
        Ok(Reading {
            unsold: u32::try_from(reply.unsold.max(0)).unwrap_or(u32::MAX),
            sales,
        })
    }
}
