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

/// An event's title, times and limits.
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
}

/// The event's state. Only whether it was cancelled matters here: the rest follows from the times and the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventState {
    Cancelled,
    #[serde(other)]
    Other,
}

/// Every seat of an event with its price.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatCatalogue {
    /// The event's version when it was read, as `EventChanged` tells it.
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
    /// The event, or nothing if there is none.
    pub(crate) async fn event(&self, event_id: Uuid) -> Result<Option<EventInfo>, ClientError> {
        known(self.0.get(&format!("/internal/events/{event_id}")).await)
    }

    /// Its seats, or nothing if there is no such event.
    pub(crate) async fn seats(&self, event_id: Uuid) -> Result<Option<SeatCatalogue>, ClientError> {
        known(self.0.get(&format!("/internal/events/{event_id}/seats")).await)
    }
}

fn known<T>(result: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match result {
        Err(error) if matches!(error.code(), Some(Code::EventNotFound | Code::NotFound)) => Ok(None),
        result => result.map(Some),
    }
}
