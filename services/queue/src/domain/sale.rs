use chrono::{DateTime, Utc};
use serde::Deserialize;

/// What an event is, as the event service derived it when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventStatus {
    Upcoming,
    Ongoing,
    Ended,
    Cancelled,
}

/// What the line needs to know of an event. Only a cancellation is taken from the status: the rest follows from the times,
/// judged by Redis' clock when somebody comes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventFacts {
    pub(crate) status: EventStatus,
    pub(crate) sale_start_at: DateTime<Utc>,
    pub(crate) sale_end_at: DateTime<Utc>,
}

impl EventFacts {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.status == EventStatus::Cancelled
    }

    /// Whether whoever is admitted at that time can buy. A sale that people wait for may have been put off.
    pub(crate) fn is_on_sale(&self, now: DateTime<Utc>) -> bool {
        now >= self.sale_start_at && !self.is_over(now)
    }

    /// Whether nobody can buy any more at that time.
    pub(crate) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.is_cancelled() || now >= self.sale_end_at
    }
}
