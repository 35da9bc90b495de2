//! The loops of this service. Every replica runs each; what they change is guarded, so that several at once share the work
//! or repeat what is done already.

mod make_dormant;
mod purge;
mod tell_blacklist;

pub(crate) use make_dormant::make_dormant;
pub(crate) use purge::purge;
pub(crate) use tell_blacklist::tell_blacklist;
