//! Third parties that vouch for a visitor. They fail closed: when one cannot be asked, or answers what it never should, nobody
//! gets in (503). One that keeps failing is left alone for a while, so that visitors need not wait for its time-out.

mod client;
pub(crate) mod identity;
pub(crate) mod recaptcha;
pub(crate) mod social;

pub(crate) use client::Client;
