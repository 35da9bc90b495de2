//! A seat map that follows the sales.

use super::{layout::Layout, pieces, pieces::Piece};
use crate::{
    cache::Held,
    db::{pulse::Pulse, seat_layout::SeatChange},
    domain::Grade,
};
use bytes::Bytes;
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// So many seats are compressed together. A smaller number makes a change cheaper and the whole larger: 3,000 seats are
/// 20 KB in pieces of 100, 18.5 KB in pieces of 250, and 18 KB in one.
const SEATS_OF_A_PIECE: usize = 250;

/// The seats of a concert by grade.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatMap {
    event_id: Uuid,
    /// Rises with every change of a seat; for `since`.
    version: i64,
    /// Best first.
    grades: Vec<SeatMapGrade>,
}

/// The seats of one grade.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatMapGrade {
    grade: Grade,
    /// Won.
    price: i64,
    total: i32,
    /// How many of all its seats, listed here or not, are not sold.
    available: i32,
    /// In the hall's order.
    seats: Vec<SeatMapSeat>,
}

/// One seat.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatMapSeat {
    id: Uuid,
    #[schema(example = "A-1")]
    seat_number: String,
    status: SeatStatus,
}

/// Whether a seat is sold. Seats that somebody holds for a few minutes show only in the reservation service's list.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SeatStatus {
    Available,
    Sold,
}

/// The map in memory. What a sale changes is found by the seat, and only its piece is written and compressed anew.
pub(super) struct LiveMap {
    event_id: Uuid,
    layout: Arc<Held<Layout>>,
    pulse: Arc<Pulse>,
    /// By the seat's place in the layout.
    sold: Vec<bool>,
    /// With which version of the map a seat changed, of those that ever did: by version, and by place.
    changed: BTreeSet<(i64, usize)>,
    changed_at: HashMap<usize, i64>,
    runs: Vec<Run>,
    /// In which run a seat is.
    run_of: Vec<usize>,
}

/// Some seats of one grade that follow each other, and are compressed together.
struct Run {
    grade: Grade,
    places: Vec<usize>,
    is_first: bool,
    piece: Piece,
}

impl LiveMap {
    /// The map of all these seats, as it is after these changes.
    pub(super) fn new(event_id: Uuid, layout: Arc<Held<Layout>>, pulse: Arc<Pulse>, changes: &[SeatChange]) -> Self {
        let seats = &layout.value.seats;
        let mut runs = Vec::new();
        let mut run_of = vec![0; seats.len()];
        for row in &pulse.grades {
            let of_grade = seats.iter().enumerate().filter(|(_, seat)| seat.grade == row.grade);
            let places: Vec<usize> = of_grade.map(|(place, _)| place).collect();
            for (number, places) in places.chunks(SEATS_OF_A_PIECE).enumerate() {
                for &place in places {
                    if let Some(run) = run_of.get_mut(place) {
                        *run = runs.len();
                    }
                }
                runs.push(Run {
                    grade: row.grade,
                    places: places.to_vec(),
                    is_first: number == 0,
                    piece: Piece::of(b""),
                });
            }
        }
        let mut map = Self {
            event_id,
            sold: vec![false; seats.len()],
            layout,
            pulse,
            changed: BTreeSet::new(),
            changed_at: HashMap::new(),
            run_of,
            runs,
        };
        map.note(changes);
        for run in 0..map.runs.len() {
            map.compress(run);
        }
        map
    }

    /// Whether the map is of this version of the concert.
    pub(super) fn is_of(&self, event_version: i64) -> bool {
        self.layout.value.event_version == event_version
    }

    pub(super) fn version(&self) -> i64 {
        self.pulse.map_version
    }

    /// Follows changes after its version, to that of `pulse`.
    pub(super) fn follow(&mut self, pulse: Arc<Pulse>, changes: &[SeatChange]) {
        let mut runs = self.note(changes);
        runs.sort_unstable();
        runs.dedup();
        for run in runs {
            self.compress(run);
        }
        self.pulse = pulse;
    }

    /// Notes the changes and says in which runs they are.
    fn note(&mut self, changes: &[SeatChange]) -> Vec<usize> {
        let mut runs = Vec::with_capacity(changes.len());
        for change in changes {
            let Some(&place) = self.layout.value.places.get(&change.id) else {
                continue;
            };
            if let Some(before) = self.changed_at.insert(place, change.version) {
                self.changed.remove(&(before, place));
            }
            self.changed.insert((change.version, place));
            if let (Some(sold), Some(&run)) = (self.sold.get_mut(place), self.run_of.get(place)) {
                *sold = change.sold;
                runs.push(run);
            }
        }
        runs
    }

    fn compress(&mut self, number: usize) {
        let Some(run) = self.runs.get(number) else { return };
        let mut text = Vec::with_capacity(run.places.len() * 96);
        for (index, place) in run.places.iter().enumerate() {
            if index > 0 || !run.is_first {
                text.push(b',');
            }
            if let Some(seat) = self.seat(*place) {
                // Writing to memory does not fail.
                let _written = serde_json::to_writer(&mut text, &seat);
            }
        }
        let piece = Piece::of(&text);
        if let Some(run) = self.runs.get_mut(number) {
            run.piece = piece;
        }
    }

    /// The whole map as a gzip file.
    pub(super) fn gzip(&self) -> Bytes {
        let mut around: Vec<Piece> = Vec::with_capacity(self.pulse.grades.len() + 1);
        let mut text = format!(
            r#"{{"eventId":"{}","version":{},"grades":["#,
            self.event_id,
            self.version()
        );
        for (index, grade) in self.grades().iter().enumerate() {
            if index > 0 {
                text.push_str("]},");
            }
            let empty = serde_json::to_string(grade).unwrap_or_default();
            text.push_str(empty.strip_suffix("]}").unwrap_or_default());
            around.push(Piece::of(text.as_bytes()));
            text.clear();
        }
        let end = Piece::of(if around.is_empty() { text.as_bytes() } else { b"]}]}" });
        let mut all: Vec<&Piece> = Vec::with_capacity(self.runs.len() + around.len() + 1);
        for (before, row) in around.iter().zip(&self.pulse.grades) {
            all.push(before);
            all.extend(
                self.runs
                    .iter()
                    .filter(|run| run.grade == row.grade)
                    .map(|run| &run.piece),
            );
        }
        all.push(&end);
        pieces::join(all.into_iter())
    }

    /// The seats that changed after this version, or all of them for 0 and for versions that are none of this map.
    pub(super) fn since(&self, version: i64) -> SeatMap {
        let is_part = version > 0 && version <= self.version();
        let places: Vec<usize> = if is_part {
            let changed = self.changed.range((version.saturating_add(1), 0)..);
            let mut places: Vec<usize> = changed.map(|(_, place)| *place).collect();
            places.sort_unstable();
            places
        } else {
            (0..self.sold.len()).collect()
        };
        let mut grades = self.grades();
        for place in places {
            let grade = self.layout.value.seats.get(place).map(|seat| seat.grade);
            if let Some(of_grade) = grades.iter_mut().find(|of| Some(of.grade) == grade) {
                of_grade.seats.extend(self.seat(place));
            }
        }
        SeatMap {
            event_id: self.event_id,
            version: self.version(),
            grades,
        }
    }

    fn grades(&self) -> Vec<SeatMapGrade> {
        let row = |row: &crate::db::events::GradeRow| SeatMapGrade {
            grade: row.grade,
            price: row.price,
            total: row.seats_total,
            available: row.seats_total - row.seats_sold,
            seats: Vec::new(),
        };
        self.pulse.grades.iter().map(row).collect()
    }

    fn seat(&self, place: usize) -> Option<SeatMapSeat> {
        let seat = self.layout.value.seats.get(place)?;
        Some(SeatMapSeat {
            id: seat.id,
            seat_number: seat.seat_number.clone(),
            status: if self.sold.get(place).copied().unwrap_or_default() {
                SeatStatus::Sold
            } else {
                SeatStatus::Available
            },
        })
    }
}
