use crate::{
    domain::EventFacts,
    per_event_cache::{MaxAge, Miss, PerEventCache},
};
use common::{
    client::{ClientError, ServiceClient},
    problem::{Code, Problem},
};
use std::time::Duration;
use uuid::Uuid;

/// While the event service is away, what it said this long ago still holds: sale windows rarely change.
const STALE: Duration = Duration::from_secs(600);

/// Sale windows and cancellations, from the event service.
pub(crate) struct EventDirectory {
    client: ServiceClient,
    /// `None`: there is no such event.
    cache: PerEventCache<Option<EventFacts>>,
    age: MaxAge,
}

impl EventDirectory {
    pub(crate) fn new(client: ServiceClient, ttl: Duration) -> Self {
        Self {
            client,
            cache: PerEventCache::new(),
            age: MaxAge {
                fresh: ttl,
                stale: STALE.max(ttl),
            },
        }
    }

    /// An event's facts.
    ///
    /// # Errors
    /// 404 `EVENT_NOT_FOUND`; 503 when the event service is away and nothing is known.
    pub(crate) async fn facts(&self, event: Uuid) -> Result<EventFacts, Problem> {
        let known = self
            .cache
            .get(event, self.age, async || {
                let loaded: Result<EventFacts, ClientError> =
                    self.client.get(&format!("/internal/events/{event}")).await;
                match loaded {
                    Err(error) if error.code() == Some(Code::EventNotFound) => Ok(None),
                    loaded => loaded.map(Some),
                }
            })
            .await;
        match known {
            Ok(Some(facts)) => Ok(facts),
            Ok(None) => Err(Problem::new(Code::EventNotFound)),
            Err(Miss::Failed(error)) => Err(error.into()),
            Err(Miss::Unanswered) => Err(Problem::new(Code::ServiceUnavailable)),
        }
    }

    /// An event's facts if they are known, without asking for them.
    pub(crate) fn known(&self, event: Uuid) -> Option<EventFacts> {
        self.cache.peek(event, self.age.stale).flatten()
    }

    /// The event has changed.
    pub(crate) fn forget(&self, event: Uuid) {
        self.cache.forget(event);
    }
}
