//! What the service hears from others. Both topics feed one projection, each through a group of its own.

mod payment_events;
mod reservation_events;

pub(crate) use payment_events::PaymentEvents;
pub(crate) use reservation_events::ReservationEvents;
