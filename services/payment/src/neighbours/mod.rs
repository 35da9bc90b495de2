//! The services this one calls: what they are asked, and what they answer.

mod queue;
mod reservation;

pub(crate) use queue::QueueClient;
pub(crate) use reservation::{LockError, Reservation, ReservationClient};
