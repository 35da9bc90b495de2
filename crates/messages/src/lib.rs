//! The messages that services send each other over Kafka (design.md §7).
//!
//! - [`Envelope`]: what every message looks like on the wire, whatever it says.
//! - [`Message`] and the payload structs: what each message says.
//! - [`Topic`] and [`ConsumerGroup`]: where it travels and who reads it.
//!
//! This crate does no I/O and has no clock, so that every producer and consumer can share it. A message is the contract
//! between two releases that run at once: the files in `golden/` pin its JSON, and it may only gain optional fields.
//! Anything else is a new `version`, which old consumers send to the dead-letter topic rather than misread.

mod concert;
mod envelope;
mod group;
mod message;
mod payment;
mod reservation;
mod seat;
mod topic;

pub use concert::{ChangeKind, EventCancelled, EventChanged};
pub use envelope::{Envelope, Metadata, ParseError, VERSION};
pub use group::ConsumerGroup;
pub use message::{Aggregate, Message};
pub use payment::{CompensateReservation, PaymentFailed, PaymentRefunded, PaymentSuccess};
pub use reservation::{
    CancelReason, ConfirmationFailure, ReservationCancelled, ReservationConfirmationFailed, ReservationConfirmed,
};
pub use seat::{SeatReleased, SeatSold};
pub use topic::Topic;
