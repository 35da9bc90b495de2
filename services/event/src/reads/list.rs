use super::{Reads, rendered::LastRendered};
use crate::{
    cache::{Cached, Held, Loaded, Outcome, Slot, Turn, UNKNOWN, busy, keys},
    db::{
        event_list::{self, EventFilter, EventSummary},
        pulse,
    },
    domain::{EventOrder, EventStatus},
};
use chrono::{DateTime, Utc};
use common::{page::PageRequest, problem::ApiResult};
use serde::{Deserialize, Serialize};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The sizes of page that are kept in Redis, and how many pages.
const USUAL_SIZES: [u32; 4] = [10, 20, 50, 100];
const USUAL_PAGES: u32 = 50;

/// A page of the list.
pub(crate) struct ListPage {
    pub(crate) events: Vec<EventSummary>,
    /// How many pass the filter.
    pub(crate) total: i64,
    pub(crate) rendered: LastRendered,
}

#[derive(Serialize, Deserialize)]
struct Kept<E> {
    events: E,
    total: i64,
}

impl Cached for ListPage {
    const NAME: &'static str = "list";

    fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let (events, total) = (&self.events, self.total);
        Ok(serde_json::to_vec(&Kept { events, total })?)
    }

    fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        let kept: Kept<Vec<EventSummary>> = serde_json::from_slice(bytes)?;
        Ok(Self {
            events: kept.events,
            total: kept.total,
            rendered: LastRendered::default(),
        })
    }
}

/// A time in which no concert goes on sale or off it, as it was in a generation of the list.
pub(super) struct Lull {
    generation: Arc<String>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Reads {
    /// A page of the list.
    ///
    /// What everybody asks for is kept in Redis. Searches, venues, cities and unusual pages are kept in this process alone,
    /// which bounds them: clients could invent any number of them, and this Redis must never be full, for the waiting lines
    /// are in it.
    ///
    /// # Errors
    /// 503 when it is not cached and the database does not answer, or too many ask it.
    pub(crate) async fn list(
        &self,
        filter: &EventFilter,
        order: EventOrder,
        request: PageRequest,
    ) -> ApiResult<Arc<Held<ListPage>>> {
        let Some(generation) = self.lists_generation.get().await else {
            return self.list_meanwhile(filter, order, request).await;
        };
        let tag = if filter.status.is_none_or(|status| status == EventStatus::Cancelled) {
            generation.to_string()
        } else {
            // Who is on sale changes with the time, so the list does.
            format!("{generation}@{}", self.lull(&generation).await?.timestamp_micros())
        };
        let load = || async {
            let page = self.load(filter, order, request).await?;
            Ok(Some(Loaded {
                ttl: self.ttl(page.events.iter().map(|event| event.sale_start_at)),
                value: page,
            }))
        };
        let key = key(filter, order, request);
        let page = if is_usual(filter, request) {
            self.lists.get(&key, &tag, load).await?
        } else {
            self.lists.get_here(&key, &tag, load).await?
        };
        page.ok_or_else(busy)
    }

    /// While nobody can tell the generation: each process asks the database, but not for every request.
    async fn list_meanwhile(
        &self,
        filter: &EventFilter,
        order: EventOrder,
        request: PageRequest,
    ) -> ApiResult<Arc<Held<ListPage>>> {
        let load = || async {
            Ok(Some(Loaded {
                value: self.load(filter, order, request).await?,
                ttl: self.known_for,
            }))
        };
        let key = key(filter, order, request);
        self.lists.get_here(&key, UNKNOWN, load).await?.ok_or_else(busy)
    }

    async fn load(&self, filter: &EventFilter, order: EventOrder, request: PageRequest) -> ApiResult<ListPage> {
        let (events, total) = event_list::page(&self.pool, filter, order, request, self.clock.now()).await?;
        Ok(ListPage {
            events,
            total,
            rendered: LastRendered::default(),
        })
    }

    /// Since when no concert went on sale or off it.
    async fn lull(&self, generation: &Arc<String>) -> ApiResult<DateTime<Utc>> {
        let now = self.clock.now();
        let fits = |lull: &Lull| lull.generation == *generation && lull.from <= now && now < lull.until;
        let slot: &Slot<Lull> = &self.lulls;
        let _turn = match slot.turn(Duration::from_secs(3600), fits).await {
            Turn::Fresh(lull) | Turn::Stale(lull) | Turn::Told(Outcome::Found(lull)) => return Ok(lull.from),
            Turn::Told(Outcome::Missing | Outcome::Failed) => return Err(busy()),
            Turn::Mine(turn) => turn,
        };
        let asked = Instant::now();
        let around = async {
            let _permit = self.limit.turn().await?;
            ApiResult::Ok(pulse::sales_around(&self.pool, now).await?)
        };
        let (from, until) = around.await.inspect_err(|_| slot.end(Outcome::Failed))?;
        let lull = Lull {
            generation: Arc::clone(generation),
            from: from.unwrap_or(DateTime::<Utc>::MIN_UTC),
            until: until.unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        let from = lull.from;
        slot.keep(Arc::new(lull), asked, Duration::from_secs(3600));
        Ok(from)
    }
}

fn is_usual(filter: &EventFilter, request: PageRequest) -> bool {
    // Every field is named, so that a new one is thought of here.
    let EventFilter {
        q,
        status: _,
        city,
        venue_id,
        from,
        to,
    } = filter;
    q.is_none()
        && city.is_none()
        && venue_id.is_none()
        && from.is_none()
        && to.is_none()
        && USUAL_SIZES.contains(&request.size)
        && request.page < USUAL_PAGES
}

/// The same for the same list, and another for another: texts that clients choose are written with quotes around them.
fn key(filter: &EventFilter, order: EventOrder, request: PageRequest) -> String {
    let mut filters = format!("{order:?}");
    // Writing to memory does not fail.
    if let Some(status) = filter.status {
        let _ = write!(filters, ",status={status:?}");
    }
    if let Some(venue) = filter.venue_id {
        let _ = write!(filters, ",venue={venue}");
    }
    if let Some(city) = &filter.city {
        let _ = write!(filters, ",city={city:?}");
    }
    if let Some(q) = &filter.q {
        let _ = write!(filters, ",q={q:?}");
    }
    for (name, time) in [("from", filter.from), ("to", filter.to)] {
        if let Some(time) = time {
            let _ = write!(filters, ",{name}={}", time.timestamp_micros());
        }
    }
    keys::list(request.page, request.size, &filters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn other_lists_have_other_keys() {
        let text = |text: &str| Some(text.to_owned());
        let none = EventFilter::default();
        let at = DateTime::from_timestamp(1_800_000_000, 0);
        let filters = [
            none.clone(),
            EventFilter {
                status: Some(EventStatus::Ongoing),
                ..none.clone()
            },
            EventFilter {
                status: Some(EventStatus::Ended),
                ..none.clone()
            },
            EventFilter {
                venue_id: Some(Uuid::nil()),
                ..none.clone()
            },
            EventFilter {
                city: text("Seoul"),
                ..none.clone()
            },
            EventFilter {
                q: text("Seoul"),
                ..none.clone()
            },
            EventFilter {
                city: text("Seoul\",q=\"x"),
                ..none.clone()
            },
            EventFilter {
                city: text("Seoul"),
                q: text("x"),
                ..none.clone()
            },
            EventFilter {
                from: at,
                ..none.clone()
            },
            EventFilter { to: at, ..none },
        ];
        let mut keys: Vec<String> = Vec::new();
        for filter in &filters {
            for (order, page, size) in [
                ("title,asc", 0, 20),
                ("title,desc", 0, 20),
                ("title", 1, 20),
                ("title", 0, 10),
            ] {
                let order = EventOrder::parse(order).unwrap();
                keys.push(key(filter, order, PageRequest { page, size }));
            }
        }
        let expected = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), expected);
    }

    #[test]
    fn only_so_many_pages_can_be_in_redis() {
        let none = EventFilter::default();
        let usual = |filter: &EventFilter, page, size| is_usual(filter, PageRequest { page, size });
        assert!(usual(&none, 0, 20) && usual(&none, 49, 100));
        assert!(!usual(&none, 50, 20) && !usual(&none, 0, 21));
        for filter in [
            EventFilter {
                q: Some("x".to_owned()),
                ..none.clone()
            },
            EventFilter {
                city: Some("x".to_owned()),
                ..none.clone()
            },
            EventFilter {
                venue_id: Some(Uuid::nil()),
                ..none.clone()
            },
            EventFilter {
                from: Some(DateTime::<Utc>::MIN_UTC),
                ..none.clone()
            },
            EventFilter {
                to: Some(DateTime::<Utc>::MIN_UTC),
                ..none.clone()
            },
        ] {
            assert!(!usual(&filter, 0, 20));
        }
    }
}
