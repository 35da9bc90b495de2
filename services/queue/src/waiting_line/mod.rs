//! The waiting line in Redis: the only place that names these keys and scripts.
//!
//! **One slot per event.** Everything about an event's line lies under keys with the hash tag `{<eventId>}`, and one script per
//! action does the whole action, so that replicas need no lock and Redis Cluster needs no other code. What concerns one user
//! (the claim that makes it one queue per user) or one token lies in slots of its own and is written by separate commands;
//! the order of these commands is chosen so that dying between any two of them leaves nothing that lies.
//!
//! **Order.** The score of a place is Redis' time in microseconds, made strictly increasing by the script that adds it. A
//! place keeps its score whatever happens: re-entry, a grant never claimed, loss of Redis (its owner's ticket).
//!
//! **Admission** pops from the front into grants. A grant is `CLAIMABLE` until its owner polls, then `ACTIVE`. It names the
//! reservation token, and a token is good only while a grant names it: ending the grant ends the token, whatever copies of it
//! exist. The bucket, the cap and the unsold seats are judged inside the script, on Redis' clock, so any number of replicas
//! may run it at any time and the sum still obeys them.
//!
//! **Silence.** Polling leaves a heartbeat. Who is silent for longer than the grace is passed over at the front and swept
//! further back. When the ticks pause or the heartbeats of many stop at once, that is our outage, and the grace begins anew;
//! while none of many comes through, nobody is admitted either, and what was offered and not claimed goes back.
//!
//! **Crowds.** Entries into one line that come together are one call, and so are polls; `crowd` tells how.
//!
//! **One queue per user.** A user's claim names the event; `claims` tells how claim and place, which lie in different slots, are
//! kept in agreement.

mod admission;
mod claims;
mod crowd;
mod epoch_key;
mod keys;
mod live_events;
mod places;
mod queueing;
mod rejoined;
mod scripts;
mod snapshot;
mod standing;
mod tokens;

#[cfg(test)]
mod tests;

pub(crate) use admission::{Tick, TickOutcome, other_life};
pub(crate) use claims::Claimed;
pub(crate) use epoch_key::{EpochMark, Loss};
pub(crate) use keys::{claim as claim_key, line as line_keys};
pub(crate) use queueing::{EnterLimits, EnterReply};
pub(crate) use snapshot::Snapshot;
pub(crate) use standing::{AbsenceReason, Grant, Place, Seen, Standing};
pub(crate) use tokens::TokenKind;

use common::redis::Redis;
use crowd::Crowds;
use std::{sync::Arc, time::Duration};

/// The line of every event. Cheap to clone.
#[derive(Clone)]
pub(crate) struct WaitingLine {
    redis: Redis,
    /// Those who enter at the same time.
    entries: Arc<Crowds<EnterLimits, EnterReply>>,
    /// Those who poll at the same time, with the life of a session.
    polls: Arc<Crowds<Duration, Seen<Standing>>>,
}

impl WaitingLine {
    pub(crate) fn new(redis: Redis) -> Self {
        Self {
            redis,
            entries: Arc::new(Crowds::new()),
            polls: Arc::new(Crowds::new()),
        }
    }

    /// A handle of the shared connection, on which concurrent commands travel together.
    fn connection(&self) -> Redis {
        self.redis.clone()
    }
}
