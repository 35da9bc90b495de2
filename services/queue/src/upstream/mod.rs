//! What other services know, kept for a moment.

mod availability;
mod event_facts;
mod holders;

pub(crate) use availability::Availability;
pub(crate) use event_facts::EventDirectory;
pub(crate) use holders::{Holder, Holders};
