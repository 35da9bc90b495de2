//! The only place with SQL.

pub(crate) mod audit;
pub(crate) mod ended_places;
pub(crate) mod epochs;
pub(crate) mod event_settings;
