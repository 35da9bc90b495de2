//! The public list against a model: whatever is filtered, sorted and paged, it is what one would pick by hand.

use crate::helpers::{App, id, text, time};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use sqlx::PgPool;
use uuid::Uuid;

const SEED: u64 = 0x5EA7_0008;
const EVENTS: usize = 80;
const QUERIES: usize = 150;

/// 한글 as a Mac's file names have it: consonants and vowels by themselves.
const DECOMPOSED: &str = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}";
const COMPOSED: &str = "한글";
const WORDS: [&str; 14] = [
    "겨울",
    "겨울밤",
    "울",
    "Live",
    "LIVE",
    "100%",
    "a_b",
    r"c\d",
    "Àrt",
    "밴드",
    "band",
    COMPOSED,
    DECOMPOSED,
    "1",
];
const CITIES: [&str; 3] = ["서울", "Seoul", "부산"];
const STATUSES: [&str; 4] = ["UPCOMING", "ONGOING", "ENDED", "CANCELLED"];

#[derive(Clone, Debug)]
struct Event {
    id: String,
    title: String,
    artist: String,
    venue: usize,
    event_start_at: DateTime<Utc>,
    sale_start_at: DateTime<Utc>,
    sale_end_at: DateTime<Utc>,
    cancelled: bool,
}

impl Event {
    fn status(&self, now: DateTime<Utc>) -> &'static str {
        match () {
            () if self.cancelled => "CANCELLED",
            () if now < self.sale_start_at => "UPCOMING",
            () if now < self.sale_end_at => "ONGOING",
            () => "ENDED",
        }
    }
}

struct Venue {
    id: Uuid,
    hall: Uuid,
    city: &'static str,
}

#[derive(Debug, Default)]
struct Query {
    status: Option<&'static str>,
    city: Option<&'static str>,
    venue: Option<usize>,
    q: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    sort: Option<(&'static str, bool)>,
    page: usize,
    size: usize,
}

fn words(rng: &mut StdRng) -> String {
    let number = rng.random_range(1..=3);
    let words: Vec<&str> = (0..number).map(|_| *WORDS.choose(rng).unwrap()).collect();
    words.join(" ")
}

/// As the search sees a text.
fn plain(text: &str) -> String {
    text.replace(DECOMPOSED, COMPOSED).to_lowercase()
}

fn query(rng: &mut StdRng, events: &[Event], venues: &[Venue]) -> Query {
    let some = |rng: &mut StdRng| rng.random_bool(0.3);
    let mut query = Query {
        page: rng.random_range(0..3),
        size: *[1, 3, 20, 100].choose(rng).unwrap(),
        ..Query::default()
    };
    if some(rng) {
        query.status = STATUSES.choose(rng).copied();
    }
    if some(rng) {
        query.city = CITIES.choose(rng).copied();
    }
    if some(rng) {
        query.venue = Some(rng.random_range(0..venues.len()));
    }
    if some(rng) {
        // A piece of something that is there, across words too; or whatever.
        let whole: Vec<char> = match rng.random_range(0..4) {
            0 => words(rng).chars().collect(),
            1 => "%_".chars().collect(),
            _ => plain(&events.choose(rng).unwrap().title)
                .to_uppercase()
                .chars()
                .collect(),
        };
        let from = rng.random_range(0..whole.len());
        let length = rng.random_range(1..=whole.len() - from);
        let piece: String = whole[from..from + length].iter().collect();
        // What begins with half a syllable is another syllable when it is composed, which the model cannot do.
        let halved = piece.chars().any(|c| DECOMPOSED.contains(c)) && !piece.contains(DECOMPOSED);
        query.q = Some(piece.trim().to_owned()).filter(|piece| !piece.is_empty() && !halved);
    }
    if some(rng) {
        query.from = Some(events.choose(rng).unwrap().event_start_at);
    }
    if some(rng) {
        query.to = Some(events.choose(rng).unwrap().event_start_at);
    }
    if some(rng) {
        let field = ["eventStartAt", "saleStartAt", "title"].choose(rng).unwrap();
        query.sort = Some((field, rng.random_bool(0.5)));
    }
    query
}

/// The ids on the page, and how many there are in all.
fn expected(query: &Query, events: &[Event], venues: &[Venue], now: DateTime<Utc>) -> (Vec<String>, usize) {
    let holds = |event: &&Event| {
        query.status.is_none_or(|status| event.status(now) == status)
            && query.city.is_none_or(|city| venues[event.venue].city == city)
            && query.venue.is_none_or(|venue| event.venue == venue)
            && query.from.is_none_or(|from| event.event_start_at >= from)
            && query.to.is_none_or(|to| event.event_start_at <= to)
            && query.q.as_ref().is_none_or(|q| {
                let q = plain(q);
                plain(&event.title).contains(&q) || plain(&event.artist).contains(&q)
            })
    };
    let mut found: Vec<&Event> = events.iter().filter(holds).collect();
    let (field, descending) = query.sort.unwrap_or(("eventStartAt", false));
    found.sort_by(|a, b| {
        let by_field = match field {
            "title" => a.title.cmp(&b.title),
            "saleStartAt" => a.sale_start_at.cmp(&b.sale_start_at),
            _ => a.event_start_at.cmp(&b.event_start_at),
        };
        let order = by_field.then_with(|| a.id.cmp(&b.id));
        if descending { order.reverse() } else { order }
    });
    let total = found.len();
    let page = found.into_iter().skip(query.page * query.size).take(query.size);
    (page.map(|event| event.id.clone()).collect(), total)
}

fn encoded(query: &Query, venues: &[Venue]) -> String {
    let mut pairs = vec![format!("page={}", query.page), format!("size={}", query.size)];
    let mut add = |name: &str, value: Option<String>| {
        let bytes = value.iter().flat_map(|value| value.bytes());
        let value_encoded: String = bytes.map(|byte| format!("%{byte:02X}")).collect();
        pairs.extend(value.is_some().then(|| format!("{name}={value_encoded}")));
    };
    add("status", query.status.map(str::to_owned));
    add("city", query.city.map(str::to_owned));
    add("venueId", query.venue.map(|venue| venues[venue].id.to_string()));
    add("q", query.q.clone());
    add("from", query.from.map(time));
    add("to", query.to.map(time));
    let sort = |(field, descending)| format!("{field},{}", if descending { "desc" } else { "asc" });
    add("sort", query.sort.map(sort));
    pairs.join("&")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_what_one_would_pick_by_hand() {
    let app = App::start().await;
    let mut rng = StdRng::seed_from_u64(SEED);
    let database = app.database().await;
    // On a whole second, and sales that open and close at this very moment are among them.
    let now = app.clock.now();
    let now = now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()));
    let venues = venues(&database).await;
    let mut events = Vec::new();
    for _ in 0..EVENTS {
        let hour = |rng: &mut StdRng| now + TimeDelta::hours(rng.random_range(-4..=4));
        let sale_start_at = hour(&mut rng);
        let event = Event {
            id: Uuid::from_u64_pair(rng.next_u64(), rng.next_u64()).to_string(),
            title: words(&mut rng),
            artist: words(&mut rng),
            venue: rng.random_range(0..venues.len()),
            event_start_at: hour(&mut rng),
            sale_start_at,
            sale_end_at: sale_start_at + TimeDelta::hours(rng.random_range(1..=4)),
            cancelled: rng.random_bool(0.1),
        };
        insert(&database, &event, &venues).await;
        events.push(event);
    }
    for _ in 0..QUERIES {
        let query = query(&mut rng, &events, &venues);
        // Requests take time, and so the clock of the service stands where the model has it; not to the second.
        let path = format!("/events?{}", encoded(&query, &venues));
        let page = app.public.get(&path).await.expect(200);
        let content = page["content"].as_array().unwrap();
        let ids: Vec<String> = content.iter().map(id).collect();
        let (expected, total) = expected(&query, &events, &venues, now);
        assert_eq!(ids, expected, "{path} {query:?}");
        assert_eq!(page["totalElements"], total, "{path} {query:?}");
        for shown in content {
            let event = events.iter().find(|event| event.id == id(shown)).unwrap();
            assert_eq!(text(&shown["status"]), event.status(now), "{event:?}");
        }
    }
}

async fn venues(database: &PgPool) -> Vec<Venue> {
    let mut venues = Vec::new();
    for number in 0..5 {
        let venue = Venue {
            id: Uuid::now_v7(),
            hall: Uuid::now_v7(),
            city: CITIES[number % CITIES.len()],
        };
        sqlx::query("INSERT INTO event_service.venues (id, name, address, city) VALUES ($1, 'Venue', 'x', $2)")
            .bind(venue.id)
            .bind(venue.city)
            .execute(database)
            .await
            .unwrap();
        let template = r#"{"rows": ["A"], "seatsPerRow": 2, "gradeMapping": {"A": "S"}}"#;
        sqlx::query(
            "INSERT INTO event_service.halls (id, venue_id, name, capacity, seat_template)
             VALUES ($1, $2, 'Hall', 2, $3::jsonb)",
        )
        .bind(venue.hall)
        .bind(venue.id)
        .bind(template)
        .execute(database)
        .await
        .unwrap();
        venues.push(venue);
    }
    venues
}

async fn insert(database: &PgPool, event: &Event, venues: &[Venue]) {
    sqlx::query(
        "INSERT INTO event_service.events (
             id, title, artist, venue_id, hall_id, event_start_at, event_end_at, sale_start_at, sale_end_at,
             max_tickets_per_user, cancelled_at
         ) VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, 4, CASE WHEN $10 THEN now() END)",
    )
    .bind(&event.id)
    .bind(&event.title)
    .bind(&event.artist)
    .bind(venues[event.venue].id)
    .bind(venues[event.venue].hall)
    .bind(event.event_start_at)
    .bind(event.event_start_at.max(event.sale_end_at) + TimeDelta::hours(2))
    .bind(event.sale_start_at)
    .bind(event.sale_end_at)
    .bind(event.cancelled)
    .execute(database)
    .await
    .unwrap();
}
