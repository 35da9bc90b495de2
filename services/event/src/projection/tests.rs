//! The projection against a model that knows all messages: random histories, in random order, with repetitions.

use super::project;
use crate::{
    db::{self, events::NewEvent},
    domain::{Claim, EventTimes, Grade, Prices, SeatTemplate},
};
use chrono::{TimeDelta, Utc};
use outbox::HandlerError;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sqlx::{PgPool, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use test_support::{Login, TestEnv};
use tokio::task::JoinSet;
use uuid::Uuid;

/// What one message says.
#[derive(Clone, Debug)]
struct Said {
    reservation: Uuid,
    seats: Vec<Uuid>,
    claim: Claim,
}

/// The highest claim of each reservation on each seat, by definition.
#[derive(Default)]
struct Model(HashMap<(Uuid, Uuid), u8>);

impl Model {
    fn hear(&mut self, said: &Said) {
        for &seat in &said.seats {
            let held = self.0.entry((seat, said.reservation)).or_default();
            *held = (*held).max(rank(said.claim));
        }
    }

    fn sold(&self) -> BTreeSet<Uuid> {
        self.0
            .iter()
            .filter(|(_, claim)| matches!(claim, 1 | 2))
            .map(|((seat, _), _)| *seat)
            .collect()
    }
}

fn rank(claim: Claim) -> u8 {
    match claim {
        Claim::Paid => 1,
        Claim::Confirmed => 2,
        Claim::Released => 3,
    }
}

struct World {
    env: TestEnv,
    pool: PgPool,
}

impl World {
    async fn new() -> Self {
        let env = TestEnv::new().await;
        let pool = PgPool::connect(&env.database_url(Login::Event)).await.unwrap();
        Self { env, pool }
    }

    /// A concert with two seats of each of two grades, and their ids.
    async fn concert(&self) -> (Uuid, Vec<Uuid>) {
        let mut transaction = self.pool.begin().await.unwrap();
        let venue = db::venues::insert(&mut transaction, "Hall of Tests", "1 Street", "Seoul")
            .await
            .unwrap();
        let template = SeatTemplate {
            rows: vec!["A".to_owned(), "B".to_owned()],
            seats_per_row: 2,
            grade_mapping: BTreeMap::from([("A".to_owned(), Grade::Vip), ("B".to_owned(), Grade::S)]),
        };
        let hall = db::halls::insert(&mut transaction, venue.id, "Main", &template)
            .await
            .unwrap()
            .unwrap();
        let now = "2026-01-11T10:00:00Z".parse::<chrono::DateTime<Utc>>().unwrap();
        let times = EventTimes {
            event_start_at: now + TimeDelta::days(2),
            event_end_at: now + TimeDelta::days(3),
            sale_start_at: now,
            sale_end_at: now + TimeDelta::days(1),
        };
        let event = NewEvent {
            title: "Concert".to_owned(),
            artist: "Band".to_owned(),
            description: None,
            venue_id: venue.id,
            hall_id: hall.id,
            times,
            max_tickets_per_user: 4,
        };
        let prices: Prices = serde_json::from_str(r#"{"VIP": 150000, "S": 100000}"#).unwrap();
        let id = db::events::insert(&mut transaction, &event).await.unwrap().id;
        db::events::insert_grades(&mut transaction, id, &template, &prices)
            .await
            .unwrap();
        db::seats::create(&mut transaction, id, &template, &prices)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let seats = db::seats::catalogue(&self.pool, id).await.unwrap();
        (id, seats.into_iter().map(|seat| seat.id).collect())
    }

    async fn hear(&self, concert: Uuid, said: &Said) -> Result<(), HandlerError> {
        let mut transaction = self.pool.begin().await.unwrap();
        project(&mut transaction, concert, &said.seats, said.reservation, said.claim).await?;
        transaction.commit().await.unwrap();
        Ok(())
    }

    async fn sold(&self, concert: Uuid) -> BTreeSet<Uuid> {
        db::seats::sold(&self.pool, concert)
            .await
            .unwrap()
            .into_iter()
            .collect()
    }

    async fn version(&self, concert: Uuid) -> i64 {
        db::seats::map_version(&self.pool, concert).await.unwrap().unwrap()
    }

    /// What SeatSold and SeatReleased said of each seat, in the order in which they will be sent.
    async fn said_of_seats(&self, seats: &[Uuid]) -> HashMap<Uuid, Vec<String>> {
        let superuser = PgPool::connect(&self.env.superuser_url()).await.unwrap();
        let rows = sqlx::query(
            "SELECT aggregate_id, event_type FROM common.outbox_events WHERE aggregate_id = ANY($1) ORDER BY seq",
        )
        .bind(seats)
        .fetch_all(&superuser)
        .await
        .unwrap();
        let mut said: HashMap<Uuid, Vec<String>> = HashMap::new();
        for row in rows {
            said.entry(row.get("aggregate_id"))
                .or_default()
                .push(row.get("event_type"));
        }
        said
    }
}

/// Histories as payment and reservation service can produce them, shuffled as two topics and repetitions can shuffle them.
fn messages(random: &mut impl Rng, seats: &[Uuid]) -> Vec<Said> {
    const HISTORIES: [&[Claim]; 6] = [
        &[Claim::Paid],
        &[Claim::Paid, Claim::Confirmed],
        &[Claim::Confirmed],
        &[Claim::Paid, Claim::Confirmed, Claim::Released],
        &[Claim::Paid, Claim::Released],
        &[Claim::Released],
    ];
    let mut messages = Vec::new();
    for _ in 0..random.random_range(1..=5) {
        let mut own = seats.to_vec();
        own.shuffle(random);
        own.truncate(random.random_range(1..=seats.len()));
        let reservation = Uuid::now_v7();
        for &claim in HISTORIES[random.random_range(0..HISTORIES.len())] {
            for _ in 0..random.random_range(1..=2) {
                messages.push(Said {
                    reservation,
                    seats: own.clone(),
                    claim,
                });
            }
        }
    }
    messages.shuffle(random);
    messages
}

async fn the_counts_fit(world: &World, concert: Uuid, sold: &BTreeSet<Uuid>, seats: &[Uuid]) {
    let grades = db::events::grades(&world.pool, concert).await.unwrap();
    let in_row = |row: &[Uuid]| i32::try_from(row.iter().filter(|seat| sold.contains(seat)).count()).unwrap();
    let counted: Vec<i32> = grades.iter().map(|grade| grade.seats_sold).collect();
    assert_eq!(counted, [in_row(&seats[..2]), in_row(&seats[2..])]);
}

/// Each seat's messages alternate, beginning with a sale, and the last one says what it is.
async fn the_seats_messages_fit(world: &World, sold: &BTreeSet<Uuid>, seats: &[Uuid]) {
    let said = world.said_of_seats(seats).await;
    for seat in seats {
        let said = said.get(seat).map(Vec::as_slice).unwrap_or_default();
        for (index, event_type) in said.iter().enumerate() {
            assert_eq!(
                event_type,
                if index % 2 == 0 { "SeatSold" } else { "SeatReleased" },
                "{said:?}"
            );
        }
        assert_eq!(said.len() % 2 == 1, sold.contains(seat), "{said:?}");
    }
}

#[tokio::test]
async fn any_order_and_repetition_gives_the_models_map_at_every_step() {
    let world = World::new().await;
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let (concert, seats) = world.concert().await;
        let mut model = Model::default();
        let mut sold = BTreeSet::new();
        for said in messages(&mut random, &seats) {
            let version = world.version(concert).await;
            world.hear(concert, &said).await.unwrap();
            model.hear(&said);
            let changed = model.sold() != sold;
            sold = world.sold(concert).await;
            assert_eq!(sold, model.sold(), "seed {seed}, after {said:?}");
            assert_eq!(
                world.version(concert).await,
                version + i64::from(changed),
                "seed {seed}, after {said:?}"
            );
        }
        the_counts_fit(&world, concert, &sold, &seats).await;
        the_seats_messages_fit(&world, &sold, &seats).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_heard_at_once_end_in_the_models_map() {
    let world = World::new().await;
    for seed in 100..120 {
        let mut random = StdRng::seed_from_u64(seed);
        let (concert, seats) = world.concert().await;
        let mut model = Model::default();
        let mut hearing = JoinSet::new();
        for said in messages(&mut random, &seats) {
            model.hear(&said);
            let pool = world.pool.clone();
            hearing.spawn(async move {
                let mut transaction = pool.begin().await.unwrap();
                project(&mut transaction, concert, &said.seats, said.reservation, said.claim)
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
            });
        }
        while let Some(heard) = hearing.join_next().await {
            heard.unwrap();
        }
        let sold = world.sold(concert).await;
        assert_eq!(sold, model.sold(), "seed {seed}");
        the_counts_fit(&world, concert, &sold, &seats).await;
        the_seats_messages_fit(&world, &sold, &seats).await;
    }
}

/// A map that is only ever told what changed since its version, as every replica's is.
#[derive(Default)]
struct Follower {
    version: i64,
    sold: BTreeSet<Uuid>,
}

impl Follower {
    /// Reads what changed. At each moment the counts are those of the seats.
    async fn follow(&mut self, world: &World, concert: Uuid, seats: &[Uuid]) {
        let mut snapshot = world
            .pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await
            .unwrap();
        let pulse = db::pulse::of(&mut *snapshot, concert).await.unwrap().unwrap();
        let changes = db::seat_layout::changes_since(&mut *snapshot, concert, self.version)
            .await
            .unwrap();
        for change in changes {
            assert!(change.version > self.version && change.version <= pulse.map_version);
            if change.sold {
                self.sold.insert(change.id);
            } else {
                self.sold.remove(&change.id);
            }
        }
        self.version = pulse.map_version;
        let counted: Vec<i32> = pulse.grades.iter().map(|grade| grade.seats_sold).collect();
        let of = |row: &[Uuid]| i32::try_from(row.iter().filter(|seat| self.sold.contains(seat)).count()).unwrap();
        assert_eq!(
            counted,
            [of(&seats[..2]), of(&seats[2..])],
            "at version {}",
            self.version
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_the_changes_while_they_happen_misses_none_and_sees_counts_that_fit() {
    let world = World::new().await;
    for seed in 200..210 {
        let mut random = StdRng::seed_from_u64(seed);
        let (concert, seats) = world.concert().await;
        let (mut model, mut follower) = (Model::default(), Follower::default());
        let mut hearing = JoinSet::new();
        // Several buyers' histories on the same four seats, from both topics at once, each message up to four times.
        for said in [messages(&mut random, &seats), messages(&mut random, &seats)].concat() {
            model.hear(&said);
            for _ in 0..random.random_range(1..=2) {
                let (pool, said) = (world.pool.clone(), said.clone());
                hearing.spawn(async move {
                    let mut transaction = pool.begin().await.unwrap();
                    project(&mut transaction, concert, &said.seats, said.reservation, said.claim)
                        .await
                        .unwrap();
                    transaction.commit().await.unwrap();
                });
            }
        }
        while let Some(heard) = hearing.join_next().await {
            heard.unwrap();
            follower.follow(&world, concert, &seats).await;
        }
        assert_eq!(follower.sold, model.sold(), "seed {seed}");
        the_counts_fit(&world, concert, &follower.sold, &seats).await;
        the_seats_messages_fit(&world, &follower.sold, &seats).await;
    }
}

#[tokio::test]
async fn a_release_that_comes_before_its_sale_leaves_the_seat_free() {
    let world = World::new().await;
    let (concert, seats) = world.concert().await;
    let reservation = Uuid::now_v7();
    for claim in [Claim::Released, Claim::Paid, Claim::Confirmed] {
        world
            .hear(
                concert,
                &Said {
                    reservation,
                    seats: seats.clone(),
                    claim,
                },
            )
            .await
            .unwrap();
    }
    assert_eq!(world.sold(concert).await, BTreeSet::new());
    assert_eq!(world.version(concert).await, 1);
}

#[tokio::test]
async fn a_late_release_of_one_buyer_leaves_the_next_buyers_seat_sold() {
    let world = World::new().await;
    let (concert, seats) = world.concert().await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    for (reservation, claim) in [(first, Claim::Paid), (second, Claim::Paid), (first, Claim::Released)] {
        world
            .hear(
                concert,
                &Said {
                    reservation,
                    seats: seats[..1].to_vec(),
                    claim,
                },
            )
            .await
            .unwrap();
    }
    assert_eq!(world.sold(concert).await, BTreeSet::from([seats[0]]));
}

#[tokio::test]
async fn seats_of_another_concert_are_refused_for_good() {
    let world = World::new().await;
    let (concert, seats) = world.concert().await;
    let (other, _) = world.concert().await;
    let said = Said {
        reservation: Uuid::now_v7(),
        seats: seats[..1].to_vec(),
        claim: Claim::Paid,
    };
    assert!(matches!(
        world.hear(other, &said).await,
        Err(HandlerError::Permanent(_))
    ));
    assert!(matches!(
        world.hear(Uuid::now_v7(), &said).await,
        Err(HandlerError::Permanent(_))
    ));
    assert_eq!(world.sold(concert).await, BTreeSet::new());
}
