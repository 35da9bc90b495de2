//! Rules of the waiting line, without I/O.

mod estimate;
mod ids;
mod limits;
mod sale;
mod settings;
mod ticket;

pub(crate) use estimate::{Pace, PollLimits};
pub(crate) use ids::made_at;
pub(crate) use limits::Limits;
pub(crate) use sale::EventFacts;
pub use settings::SettingsChange;
pub(crate) use settings::{Actor, Settings};
pub(crate) use ticket::{Ticket, TicketKeys, TicketState};
