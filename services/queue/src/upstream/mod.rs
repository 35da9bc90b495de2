//! What other services know, kept for a moment.

mod availability;
mod event_facts;

pub(crate) use availability::Availability;
pub(crate) use event_facts::EventDirectory;
