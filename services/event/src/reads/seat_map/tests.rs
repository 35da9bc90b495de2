//! The map that follows sales, against the map made anew of the same sales.

use super::{layout::Layout, live::LiveMap};
use crate::{
    cache::Held,
    db::{
        events::GradeRow,
        pulse::Pulse,
        seat_layout::{LayoutSeat, SeatChange},
    },
    domain::Grade,
};
use flate2::read::GzDecoder;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use std::{collections::BTreeMap, io::Read as _, sync::Arc};
use uuid::Uuid;

/// A hall whose ids share all but their last digits, as those of real halls do.
fn hall(rows: usize, seats_per_row: usize) -> Vec<LayoutSeat> {
    let prefix = Uuid::now_v7().as_u128() & !0xffff_ffff;
    let mut seats = Vec::new();
    for row in 0..rows {
        for place in 0..seats_per_row {
            seats.push(LayoutSeat {
                id: Uuid::from_u128(prefix | seats.len() as u128),
                seat_number: format!("{row}-{place}"),
                grade: [Grade::Vip, Grade::S, Grade::A, Grade::B][row * 4 / rows],
            });
        }
    }
    seats
}

/// Some seats that are sold and released, and what the map then must be.
struct Hall {
    event: Uuid,
    seats: Vec<LayoutSeat>,
    changed: BTreeMap<usize, SeatChange>,
    version: i64,
}

impl Hall {
    fn new(rows: usize, seats_per_row: usize) -> Self {
        Self {
            event: Uuid::now_v7(),
            seats: hall(rows, seats_per_row),
            changed: BTreeMap::new(),
            version: 1,
        }
    }

    fn turn(&mut self, places: &[usize]) -> Vec<SeatChange> {
        self.version += 1;
        let mut changes = Vec::new();
        for &place in places {
            let sold = !self.changed.get(&place).is_some_and(|change| change.sold);
            let (id, version) = (self.seats[place].id, self.version);
            let change = SeatChange { id, version, sold };
            self.changed.insert(place, change);
            changes.push(change);
        }
        changes
    }

    fn pulse(&self) -> Arc<Pulse> {
        let grades = [Grade::Vip, Grade::S, Grade::A, Grade::B]
            .into_iter()
            .filter_map(|grade| {
                let of_grade = |place: &usize| self.seats[*place].grade == grade;
                let total = (0..self.seats.len()).filter(of_grade).count();
                let sold = self
                    .changed
                    .iter()
                    .filter(|(place, change)| change.sold && of_grade(place));
                (total > 0).then(|| GradeRow {
                    grade,
                    price: 1000,
                    seats_total: i32::try_from(total).unwrap(),
                    seats_sold: i32::try_from(sold.count()).unwrap(),
                })
            });
        Arc::new(Pulse {
            event_version: 1,
            map_version: self.version,
            grades: grades.collect(),
        })
    }

    fn map(&self) -> LiveMap {
        let layout = Held::unshared(Layout::new(1, self.seats.clone()), "1");
        let changes: Vec<SeatChange> = self.changed.values().copied().collect();
        LiveMap::new(self.event, Arc::new(layout), self.pulse(), &changes)
    }

    /// How many seats changed after the version.
    fn changed_since(&self, version: i64) -> usize {
        self.changed.values().filter(|change| change.version > version).count()
    }
}

fn unpacked(gzip: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(gzip).read_to_string(&mut text).unwrap();
    text
}

fn seats_of(map: &Value) -> usize {
    map["grades"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grade| grade["seats"].as_array().unwrap().len())
        .sum()
}

#[test]
fn a_map_that_followed_sales_is_the_map_of_these_sales() {
    let mut random = StdRng::seed_from_u64(7);
    for (rows, seats_per_row) in [(1, 1), (3, 7), (4, 250), (8, 126)] {
        let mut hall = Hall::new(rows, seats_per_row);
        let mut map = hall.map();
        for _ in 0..20 {
            let last = hall.seats.len();
            let mut places: Vec<usize> = (0..random.random_range(1..=5))
                .map(|_| random.random_range(0..last))
                .collect();
            places.sort_unstable();
            places.dedup();
            let changes = hall.turn(&places);
            map.follow(hall.pulse(), &changes);

            let whole = serde_json::to_string(&map.since(0)).unwrap();
            assert_eq!(unpacked(&map.gzip()), whole);
            assert_eq!(serde_json::to_string(&hall.map().since(0)).unwrap(), whole);
            let since = random.random_range(1..=hall.version);
            let delta = serde_json::to_value(map.since(since)).unwrap();
            assert_eq!(seats_of(&delta), hall.changed_since(since), "since {since}");
            assert_eq!(delta, serde_json::to_value(hall.map().since(since)).unwrap());
            assert_eq!(delta["version"], hall.version);
        }
        for none in [i64::MAX, hall.version + 1, 0] {
            assert_eq!(
                seats_of(&serde_json::to_value(map.since(none)).unwrap()),
                rows * seats_per_row
            );
        }
    }
}

#[test]
fn three_thousand_seats_are_under_twenty_kilobytes_whatever_is_sold() {
    let mut random = StdRng::seed_from_u64(8);
    let mut hall = Hall::new(60, 50);
    for share in [0, 10, 50, 90, 100] {
        let places: Vec<usize> = (0..3000)
            .filter(|place| {
                let sold = hall.changed.get(place).is_some_and(|change| change.sold);
                sold != (random.random_range(0..100) < share)
            })
            .collect();
        let _changes = hall.turn(&places);
        let map = hall.map();
        let (gzip, plain) = (map.gzip().len(), unpacked(&map.gzip()).len());
        println!("{share} % sold: {plain} bytes, {gzip} compressed");
        assert!(gzip < 20_000, "{gzip} bytes with {share} % sold");
    }
}

#[test]
fn a_seat_of_nobody_is_no_change_of_the_map() {
    let hall = Hall::new(2, 2);
    let mut map = hall.map();
    let change = SeatChange {
        id: Uuid::now_v7(),
        version: 2,
        sold: true,
    };
    map.follow(hall.pulse(), &[change]);
    assert_eq!(unpacked(&map.gzip()), unpacked(&hall.map().gzip()));
}
