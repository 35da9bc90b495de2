//! What a payload must say about itself to be sent and routed.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::Topic;

/// The kind of thing a message is about: the envelope's `aggregateType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// A concert, which the HTTP API calls an event.
    Event,
    /// A payment.
    Payment,
    /// A reservation.
    Reservation,
    /// One seat of one concert.
    Seat,
}

impl Aggregate {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "Event",
            Self::Payment => "Payment",
            Self::Reservation => "Reservation",
            Self::Seat => "Seat",
        }
    }
}

/// The payload of one message type.
pub trait Message: Serialize + DeserializeOwned + Send + Sync {
    /// The envelope's `eventType`.
    const TYPE: &'static str;
    /// The topic it travels on.
    const TOPIC: Topic;
    /// What it is about.
    const AGGREGATE: Aggregate;

    /// The id of the thing it is about.
    fn aggregate_id(&self) -> Uuid;

    /// The Kafka key: messages of one key stay in order. The reservation id for payment and reservation messages, so
    /// that one booking's messages follow each other, else the aggregate's id.
    ///
    /// Whoever enqueues the message has locked the row this key names before, in the same transaction (design.md §7).
    fn key(&self) -> Uuid {
        self.aggregate_id()
    }

    /// The buyer it concerns, for the envelope's metadata.
    fn user_id(&self) -> Option<Uuid> {
        None
    }
}
