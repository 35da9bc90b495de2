//! The envelope around every payload (design document §7.4.1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Message;

/// The version this release writes and the only one it reads.
pub const VERSION: &str = "v1";

/// A message as it travels: who says what about whom, and why.
///
/// `eventId` is the message's own id, by which consumers recognise a repetition; payloads call the concert `concertId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The message's id: a repetition carries the same one.
    pub event_id: Uuid,
    /// Which [`Message`] the payload is.
    pub event_type: String,
    /// The thing it is about.
    pub aggregate_id: Uuid,
    /// The kind of that thing.
    pub aggregate_type: String,
    /// The schema version, `v1`.
    pub version: String,
    /// When it was written, by the producer's database.
    pub timestamp: DateTime<Utc>,
    /// Where it came from.
    pub metadata: Metadata,
    /// What happened.
    pub payload: Value,
}

/// Where a message came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The request at the beginning of the chain: its id, or a UUID derived from it (the Kafka headers carry it as it was).
    #[serde(default)]
    pub correlation_id: Option<Uuid>,
    /// The message whose handling caused this one.
    #[serde(default)]
    pub causation_id: Option<Uuid>,
    /// The buyer it concerns.
    #[serde(default)]
    pub user_id: Option<Uuid>,
}

/// Why bytes are not a message that this release can handle. None of these goes away by trying again.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not an envelope.
    #[error("not a message envelope: {0}")]
    Malformed(#[source] serde_json::Error),
    /// Written by a release with another schema.
    #[error("unknown message version {version:?}")]
    UnknownVersion {
        /// The version it claims, if it is text.
        version: Option<String>,
    },
    /// Decoded as something else than it is.
    #[error("expected a {expected}, found a {found}")]
    UnexpectedType {
        /// The type asked for.
        expected: &'static str,
        /// The type it has.
        found: String,
    },
    /// The payload lacks a field or has one of the wrong type.
    #[error("bad payload of {event_type}: {source}")]
    BadPayload {
        /// The message's type.
        event_type: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Envelope {
    /// Wraps a payload.
    ///
    /// # Errors
    ///
    /// When the payload cannot be written as JSON.
    pub fn wrap<M: Message>(
        message: &M,
        event_id: Uuid,
        timestamp: DateTime<Utc>,
        metadata: Metadata,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            event_id,
            event_type: M::TYPE.to_owned(),
            aggregate_id: message.aggregate_id(),
            aggregate_type: M::AGGREGATE.as_str().to_owned(),
            version: VERSION.to_owned(),
            timestamp,
            metadata,
            payload: serde_json::to_value(message)?,
        })
    }

    /// Reads an envelope off the wire. The version is judged before anything else, since another version may differ in
    /// everything else.
    ///
    /// # Errors
    ///
    /// [`ParseError::Malformed`] or [`ParseError::UnknownVersion`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let value: Value = serde_json::from_slice(bytes).map_err(ParseError::Malformed)?;
        if let Some(version) = value.get("version")
            && version != VERSION
        {
            return Err(ParseError::UnknownVersion {
                version: version.as_str().map(str::to_owned),
            });
        }
        serde_json::from_value(value).map_err(ParseError::Malformed)
    }

    /// Whether the payload is an `M`.
    #[must_use]
    pub fn is<M: Message>(&self) -> bool {
        self.event_type == M::TYPE
    }

    /// The payload, typed. Fields that this release does not know are ignored.
    ///
    /// # Errors
    ///
    /// [`ParseError::UnexpectedType`] or [`ParseError::BadPayload`].
    pub fn decode<M: Message>(&self) -> Result<M, ParseError> {
        if !self.is::<M>() {
            return Err(ParseError::UnexpectedType {
                expected: M::TYPE,
                found: self.event_type.clone(),
            });
        }
        M::deserialize(&self.payload).map_err(|source| ParseError::BadPayload {
            event_type: self.event_type.clone(),
            source,
        })
    }
}
