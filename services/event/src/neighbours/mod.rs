//! The services this one calls.

mod reservation;

pub(crate) use reservation::ReservationClient;
