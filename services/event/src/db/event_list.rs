//! The public list. Its statement is put together from the filters given, so that the planner sees exactly those and uses
//! their indexes; a fixed statement full of `$1 IS NULL OR …` would scan every concert once its plan is generic.

use crate::domain::{EventOrder, EventStatus, EventTimes, SortField};
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

/// What the list is narrowed to.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventFilter {
    pub(crate) status: Option<EventStatus>,
    pub(crate) city: Option<String>,
    pub(crate) venue_id: Option<Uuid>,
    /// A part of title or artist, whatever its case.
    pub(crate) q: Option<String>,
    /// Concerts that begin at or after this time.
    pub(crate) from: Option<DateTime<Utc>>,
    /// Concerts that begin at or before this time.
    pub(crate) to: Option<DateTime<Utc>>,
}

/// A concert as lists show it.
#[derive(Clone, Debug, FromRow, Serialize, Deserialize)]
pub(crate) struct EventSummary {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) venue_id: Uuid,
    pub(crate) venue_name: String,
    pub(crate) city: String,
    pub(crate) hall_name: String,
    pub(crate) event_start_at: DateTime<Utc>,
    pub(crate) event_end_at: DateTime<Utc>,
    pub(crate) sale_start_at: DateTime<Utc>,
    pub(crate) sale_end_at: DateTime<Utc>,
    pub(crate) min_price: i64,
    pub(crate) max_price: i64,
    pub(crate) poster_url: Option<String>,
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
}

impl EventSummary {
    pub(crate) fn times(&self) -> EventTimes {
        EventTimes {
            event_start_at: self.event_start_at,
            event_end_at: self.event_end_at,
            sale_start_at: self.sale_start_at,
            sale_end_at: self.sale_end_at,
        }
    }
}

/// A page of the concerts that pass the filter, and how many pass it. `now` decides their status.
///
/// Both statements are planned for their very values each time, which takes a fraction of a millisecond: a plan for words in
/// general would be as wrong for those that every title has as for those that none has.
pub(crate) async fn page(
    pool: &PgPool,
    filter: &EventFilter,
    order: EventOrder,
    request: PageRequest,
    now: DateTime<Utc>,
) -> Result<(Vec<EventSummary>, i64), sqlx::Error> {
    let mut query = page_statement("", filter, order, request, now);
    let events = query.build_query_as::<EventSummary>().persistent(false);
    let events = events.fetch_all(pool).await?;
    let mut count = count_statement("", filter, now);
    let total = count.build_query_scalar().persistent(false).fetch_one(pool).await?;
    Ok((events, total))
}

/// The statement of a page, after `verb`.
pub(crate) fn page_statement(
    verb: &str,
    filter: &EventFilter,
    order: EventOrder,
    request: PageRequest,
    now: DateTime<Utc>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(verb);
    query.push(
        " SELECT e.id, e.title, e.artist, e.venue_id, v.name AS venue_name, v.city, h.name AS hall_name,
                e.event_start_at, e.event_end_at, e.sale_start_at, e.sale_end_at,
                p.min_price, p.max_price, e.poster_url, e.cancelled_at
         FROM (SELECT e.id FROM event_service.events AS e WHERE true",
    );
    push_filter(&mut query, filter, now);
    // The page is cut before anything else of its concerts is read.
    push_order(&mut query, order);
    query
        .push(" LIMIT ")
        .push_bind(request.limit())
        .push(" OFFSET ")
        .push_bind(request.offset());
    query.push(
        ") AS page
         JOIN event_service.events AS e ON e.id = page.id
         JOIN event_service.venues AS v ON v.id = e.venue_id
         JOIN event_service.halls AS h ON h.id = e.hall_id
         CROSS JOIN LATERAL (
             SELECT coalesce(min(price), 0) AS min_price, coalesce(max(price), 0) AS max_price
             FROM event_service.event_grades WHERE event_id = e.id
         ) AS p",
    );
    push_order(&mut query, order);
    query
}

/// The statement that counts what passes the filter, after `verb`.
pub(crate) fn count_statement(verb: &str, filter: &EventFilter, now: DateTime<Utc>) -> QueryBuilder<Postgres> {
    let mut count = QueryBuilder::new(verb);
    count.push(" SELECT count(*) FROM event_service.events AS e WHERE true");
    push_filter(&mut count, filter, now);
    count
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &EventFilter, now: DateTime<Utc>) {
    match filter.status {
        None => {}
        Some(EventStatus::Upcoming) => {
            query
                .push(" AND e.cancelled_at IS NULL AND e.sale_start_at > ")
                .push_bind(now);
        }
        Some(EventStatus::Ongoing) => {
            query
                .push(" AND e.cancelled_at IS NULL AND e.sale_start_at <= ")
                .push_bind(now);
            query.push(" AND e.sale_end_at > ").push_bind(now);
        }
        Some(EventStatus::Ended) => {
            query
                .push(" AND e.cancelled_at IS NULL AND e.sale_end_at <= ")
                .push_bind(now);
        }
        Some(EventStatus::Cancelled) => {
            query.push(" AND e.cancelled_at IS NOT NULL");
        }
    }
    if let Some(city) = &filter.city {
        query
            .push(" AND e.venue_id IN (SELECT id FROM event_service.venues WHERE city = ")
            .push_bind(city.clone())
            .push(")");
    }
    if let Some(venue_id) = filter.venue_id {
        query.push(" AND e.venue_id = ").push_bind(venue_id);
    }
    if let Some(q) = &filter.q {
        // The index finds what has all pieces of `q`, and the text itself decides whether they stand side by side.
        query
            .push(" AND event_service.grams(e.search_text) @> event_service.searched_grams(event_service.searchable(")
            .push_bind(q.clone())
            .push(")) AND e.search_text LIKE event_service.searchable(")
            .push_bind(substring_pattern(q))
            .push(")");
    }
    if let Some(from) = filter.from {
        query.push(" AND e.event_start_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND e.event_start_at <= ").push_bind(to);
    }
}

fn push_order(query: &mut QueryBuilder<Postgres>, order: EventOrder) {
    let direction = if order.descending { " DESC" } else { "" };
    let field = match order.field {
        SortField::EventStartAt => "e.event_start_at",
        SortField::SaleStartAt => "e.sale_start_at",
        SortField::Title => "e.title",
    };
    // The id makes the order total, so that no concert is on two pages or on none.
    query
        .push(" ORDER BY ")
        .push(field)
        .push(direction)
        .push(", e.id")
        .push(direction);
}

/// Matches `text` anywhere, with none of its characters meaning anything else.
fn substring_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_search_are_ordinary_characters() {
        assert_eq!(substring_pattern(r"100%_\"), r"%100\%\_\\%");
    }
}
