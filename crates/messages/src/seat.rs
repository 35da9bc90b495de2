//! What the event service's seat projection says, for audits.
//!
//! One message per seat, keyed by the seat: the projection has locked that row anyway, and one seat's history stays in
//! order without all sales of a concert waiting for each other.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Message, Topic};

/// A seat shows as sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatSold {
    /// The seat.
    pub seat_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// Whose claim sold it.
    pub reservation_id: Uuid,
    /// When the projection learned of it.
    pub sold_at: DateTime<Utc>,
}

/// A seat shows as available again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatReleased {
    /// The seat.
    pub seat_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// Whose claim ended.
    pub reservation_id: Uuid,
    /// When the projection learned of it.
    pub released_at: DateTime<Utc>,
}

impl Message for SeatSold {
    const TYPE: &'static str = "SeatSold";
    const TOPIC: Topic = Topic::SeatEvents;
    const AGGREGATE: Aggregate = Aggregate::Seat;

    fn aggregate_id(&self) -> Uuid {
        self.seat_id
    }
}

impl Message for SeatReleased {
    const TYPE: &'static str = "SeatReleased";
    const TOPIC: Topic = Topic::SeatEvents;
    const AGGREGATE: Aggregate = Aggregate::Seat;

    fn aggregate_id(&self) -> Uuid {
        self.seat_id
    }
}
