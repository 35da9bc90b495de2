use super::{Reads, rendered::LastRendered};
use crate::{
    cache::{Cached, Held, Loaded, keys},
    db::{
        events::{self, EventDetail},
        pulse::Pulse,
    },
};
use chrono::{DateTime, Utc};
use common::problem::ApiResult;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// A concert without what is sold of it.
pub(crate) struct CachedEvent {
    pub(crate) event: EventDetail,
    pub(crate) rendered: LastRendered,
}

impl Cached for CachedEvent {
    const NAME: &'static str = "event";

    fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec(&self.event)?)
    }

    fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        Ok(Self {
            event: serde_json::from_slice(bytes)?,
            rendered: LastRendered::default(),
        })
    }
}

impl Reads {
    /// A concert and its pulse, if there is such a concert.
    ///
    /// # Errors
    /// 503 when neither Redis nor the database tells, or too many ask the database.
    pub(crate) async fn event(&self, id: Uuid) -> ApiResult<Option<(Arc<Held<CachedEvent>>, Arc<Pulse>)>> {
        let Some(pulse) = self.pulse(id).await? else {
            return Ok(None);
        };
        let load = || async {
            let found = events::find(&self.pool, id).await?;
            Ok(found.map(|event| Loaded {
                ttl: self.ttl([event.sale_start_at].into_iter()),
                value: CachedEvent {
                    event,
                    rendered: LastRendered::default(),
                },
            }))
        };
        let tag = pulse.event_version.to_string();
        let event = self.events.get(&keys::event(id), &tag, load).await?;
        Ok(event.map(|event| (event, pulse)))
    }

    /// How long something with these sale openings is kept: short if one of them is near.
    pub(super) fn ttl(&self, mut openings: impl Iterator<Item = DateTime<Utc>>) -> Duration {
        let now = self.clock.now();
        let near = |opening: DateTime<Utc>| (opening - now).abs().to_std().is_ok_and(|apart| apart <= self.ttl);
        if openings.any(near) {
            self.ttl_near_opening.min(self.ttl)
        } else {
            self.ttl
        }
    }
}
