//! What the event service says about concerts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Message, Topic};

/// What was done to a concert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// Something of it changed.
    Updated,
    /// It is gone; nobody had a claim on it.
    Deleted,
    /// A kind that this release does not know.
    #[serde(other)]
    Other,
}

/// A concert was made, changed or deleted: caches of it are stale. Carries what other services keep of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventChanged {
    /// The concert.
    pub concert_id: Uuid,
    /// What was done.
    pub change: ChangeKind,
    /// The concert's version after this change; a lower one is old news.
    pub version: i64,
    /// Its title.
    pub title: String,
    /// When it begins.
    pub event_start_at: DateTime<Utc>,
    /// When it ends.
    pub event_end_at: DateTime<Utc>,
    /// When its sale opens.
    pub sale_start_at: DateTime<Utc>,
    /// When its sale closes.
    pub sale_end_at: DateTime<Utc>,
    /// How many tickets one buyer may have.
    pub max_tickets_per_user: i32,
    /// When it was changed.
    pub changed_at: DateTime<Utc>,
}

/// A concert will not take place: holds end, reservations are cancelled and refunded, its line closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventCancelled {
    /// The concert.
    pub concert_id: Uuid,
    /// The concert's version after this change.
    pub version: i64,
    /// The administrator's words.
    pub reason: String,
    /// When it was cancelled.
    pub cancelled_at: DateTime<Utc>,
}

impl Message for EventChanged {
    const TYPE: &'static str = "EventChanged";
    const TOPIC: Topic = Topic::EventEvents;
    const AGGREGATE: Aggregate = Aggregate::Event;

    fn aggregate_id(&self) -> Uuid {
        self.concert_id
    }
}

impl Message for EventCancelled {
    const TYPE: &'static str = "EventCancelled";
    const TOPIC: Topic = Topic::EventEvents;
    const AGGREGATE: Aggregate = Aggregate::Event;

    fn aggregate_id(&self) -> Uuid {
        self.concert_id
    }
}
