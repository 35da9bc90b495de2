//! What the service hears: two topics of others feed one projection, each through a group of its own, and its own messages
//! about concerts tell every replica's cache.

mod event_events;
mod payment_events;
mod reservation_events;

pub(crate) use event_events::EventEvents;
pub(crate) use payment_events::PaymentEvents;
pub(crate) use reservation_events::ReservationEvents;
