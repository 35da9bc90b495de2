use chrono::{DateTime, Utc};
use common::{
    client::{ClientError, ServiceClient},
    problem::Code,
};
use serde::Deserialize;
use uuid::Uuid;

/// Asks the event service for events and their seats.
#[derive(Clone)]
pub(crate) struct EventClient(pub(crate) ServiceClient);

/// An event's title, times and limits, as they were at `read_at`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventInfo {
    pub(crate) title: String,
    pub(crate) status: EventState,
    pub(crate) sale_start_at: DateTime<Utc>,
    pub(crate) sale_end_at: DateTime<Utc>,
    pub(crate) event_start_at: DateTime<Utc>,
    pub(crate) event_end_at: DateTime<Utc>,
    pub(crate) max_tickets_per_user: i64,
    /// By the event service's database. Prices and seats may change until the sale opens, so nothing is sold by what was
    /// read before that.
    pub(crate) read_at: DateTime<Utc>,
}

/// The event's state. Only whether it was cancelled matters here: the rest follows from the times and the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventState {
    Cancelled,
    #[serde(other)]
    Other,
}

/// An event with every seat and its price, all of one moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatCatalogue {
    #[serde(flatten)]
    pub(crate) info: EventInfo,
    /// The event's version then, as `EventChanged` tells it.
    pub(crate) version: i64,
    pub(crate) seats: Vec<CatalogueSeat>,
}

/// One seat.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CatalogueSeat {
    pub(crate) id: Uuid,
    pub(crate) seat_number: String,
    pub(crate) grade: String,
    /// Won.
    pub(crate) price: i64,
}

impl EventClient {
    /// The event with its seats, or nothing if there is no such event.
    pub(crate) async fn catalogue(&self, event_id: Uuid) -> Result<Option<SeatCatalogue>, ClientError> {
        match self.0.get(&format!("/internal/events/{event_id}/seats")).await {
            Err(error) if matches!(error.code(), Some(Code::EventNotFound | Code::NotFound)) => Ok(None),
            result => result.map(Some),
        }
    }
}
