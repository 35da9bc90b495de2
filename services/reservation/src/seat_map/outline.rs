use crate::neighbours::CatalogueSeat;
use axum::body::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The seats of an event and who may have them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReservationSeatMap)]
pub(crate) struct SeatMap {
    /// The event.
    event_id: Uuid,
    /// In the hall's order.
    seats: Vec<Seat>,
}

/// One seat.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReservationSeatMapSeat)]
pub(crate) struct Seat {
    id: Uuid,
    #[schema(example = "A-12")]
    seat_number: String,
    #[schema(example = "VIP")]
    grade: String,
    /// Won.
    price: i64,
    // Last, because the outline looks for it there.
    status: SeatStatus,
}

/// Whether a seat can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = ReservationSeatStatus)]
pub(crate) enum SeatStatus {
    /// It can.
    Available,
    /// Somebody has it for some minutes.
    Hold,
    /// It cannot.
    Sold,
}

impl SeatStatus {
    /// As in JSON.
    const fn word(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Hold => "HOLD",
            Self::Sold => "SOLD",
        }
    }
}

/// What follows a seat's status.
const END_OF_SEAT: &str = "\"}";
/// And the last seat.
const END_OF_MAP: &str = "]}";

/// A [`SeatMap`] as JSON in which every seat is free. A real one differs from it in the statuses only, so it is this text with
/// other words in some places.
#[derive(Debug)]
pub(crate) struct Outline {
    text: Vec<u8>,
    /// Where each seat's status begins.
    statuses: Vec<usize>,
}

impl Outline {
    pub(crate) fn new(event_id: Uuid, seats: &[CatalogueSeat]) -> serde_json::Result<Self> {
        let empty = SeatMap {
            event_id,
            seats: Vec::new(),
        };
        let mut text = serde_json::to_vec(&empty)?;
        text.truncate(text.len() - END_OF_MAP.len());
        let mut statuses = Vec::with_capacity(seats.len());
        for seat in seats {
            if !statuses.is_empty() {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, &Seat::free(seat))?;
            statuses.push(text.len() - END_OF_SEAT.len() - SeatStatus::Available.word().len());
        }
        text.extend_from_slice(END_OF_MAP.as_bytes());
        // It lives as long as the copy of the event.
        text.shrink_to_fit();
        Ok(Self { text, statuses })
    }

    /// The map with these statuses, in the hall's order.
    pub(crate) fn json(&self, statuses: &[SeatStatus]) -> Bytes {
        let mut json = Vec::with_capacity(self.text.len());
        let mut rest = 0;
        for (begin, status) in self.statuses.iter().zip(statuses) {
            if *status != SeatStatus::Available {
                json.extend_from_slice(&self.text[rest..*begin]);
                json.extend_from_slice(status.word().as_bytes());
                rest = begin + SeatStatus::Available.word().len();
            }
        }
        json.extend_from_slice(&self.text[rest..]);
        json.into()
    }
}

impl Seat {
    fn free(seat: &CatalogueSeat) -> Self {
        Self {
            id: seat.id,
            seat_number: seat.seat_number.clone(),
            grade: seat.grade.clone(),
            price: seat.price,
            status: SeatStatus::Available,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_status() -> impl Strategy<Value = SeatStatus> {
        prop_oneof![
            Just(SeatStatus::Available),
            Just(SeatStatus::Hold),
            Just(SeatStatus::Sold),
        ]
    }

    fn any_seat() -> impl Strategy<Value = (CatalogueSeat, SeatStatus)> {
        // Numbers and grades that JSON escapes, or that look like a status.
        let text = || prop_oneof![any::<String>(), Just("\",\"status\":\"AVAILABLE\"}]}".to_owned())];
        (any::<u128>(), text(), text(), any::<i64>(), any_status()).prop_map(
            |(id, seat_number, grade, price, status)| {
                let id = Uuid::from_u128(id);
                let seat = CatalogueSeat {
                    id,
                    seat_number,
                    grade,
                    price,
                };
                (seat, status)
            },
        )
    }

    proptest! {
        #[test]
        fn the_text_is_what_serde_writes(event in any::<u128>(), hall in prop::collection::vec(any_seat(), 0..20)) {
            let event_id = Uuid::from_u128(event);
            let (seats, statuses): (Vec<CatalogueSeat>, Vec<SeatStatus>) = hall.into_iter().unzip();
            let whole = SeatMap {
                event_id,
                seats: seats.iter().zip(&statuses).map(|(seat, status)| Seat { status: *status, ..Seat::free(seat) }).collect(),
            };
            let outline = Outline::new(event_id, &seats).unwrap();
            let text = outline.json(&statuses);
            prop_assert_eq!(str::from_utf8(&text).unwrap(), serde_json::to_string(&whole).unwrap());
        }
    }
}
