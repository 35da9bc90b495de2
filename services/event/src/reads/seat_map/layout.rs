use crate::{cache::Cached, db::seat_layout::LayoutSeat, domain::Grade};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, io::Write as _};
use uuid::Uuid;

/// The seats of a concert, without what is sold: only administrators change it.
pub(crate) struct Layout {
    /// The concert's version of which it is.
    pub(super) event_version: i64,
    /// In the hall's order.
    pub(super) seats: Vec<LayoutSeat>,
    /// Where a seat stands in `seats`.
    pub(super) places: HashMap<Uuid, usize>,
}

/// As it stands in Redis: in JSON, compressed, because a hall may have 50,000 seats.
#[derive(Serialize, Deserialize)]
struct Kept {
    event_version: i64,
    seats: Vec<(Uuid, String, Grade)>,
}

impl Layout {
    pub(super) fn new(event_version: i64, seats: Vec<LayoutSeat>) -> Self {
        let places = seats.iter().enumerate().map(|(place, seat)| (seat.id, place)).collect();
        Self {
            event_version,
            seats,
            places,
        }
    }
}

impl Cached for Layout {
    const NAME: &'static str = "seats";

    fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let kept = Kept {
            event_version: self.event_version,
            seats: self
                .seats
                .iter()
                .map(|seat| (seat.id, seat.seat_number.clone(), seat.grade))
                .collect(),
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&serde_json::to_vec(&kept)?)?;
        Ok(encoder.finish()?)
    }

    fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        let kept: Kept = serde_json::from_reader(std::io::BufReader::new(GzDecoder::new(bytes)))?;
        let seats = kept
            .seats
            .into_iter()
            .map(|(id, seat_number, grade)| LayoutSeat { id, seat_number, grade });
        Ok(Self::new(kept.event_version, seats.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_comes_back_as_it_was() {
        let seat = |number: &str, grade| LayoutSeat {
            id: Uuid::now_v7(),
            seat_number: number.to_owned(),
            grade,
        };
        let layout = Layout::new(7, vec![seat("가-1", Grade::Vip), seat("B-1", Grade::S)]);
        let back = Layout::from_bytes(&layout.to_bytes().unwrap()).unwrap();
        assert_eq!((back.event_version, &back.seats), (7, &layout.seats));
        assert_eq!(back.places[&layout.seats[1].id], 1);
        assert!(Layout::from_bytes(b"{}").is_err());
    }
}
