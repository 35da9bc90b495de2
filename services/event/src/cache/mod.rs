//! Keeping what is read often (`design.md` §6), in two levels: Redis, which all replicas share, and this process's memory in
//! front of it. `docs/caching.md` says what is kept where and how old it may be.
//!
//! | file | what |
//! |---|---|
//! | `object` | objects of one kind: where they are found, who loads them |
//! | `slot` | one object in memory, and whose turn it is to find out anew |
//! | `shared` | Redis: looking, the lock, storing under it |
//! | `generation` | what all lists share |
//! | `forget` | forgetting what has changed, until it is forgotten |
//! | `limit` | how many loads ask the database at once |
//!
//! An object in Redis is one hash with its lock inside. Whoever finds it missing or soon over takes the lock and loads; the
//! others take what there still is, or wait. Storing needs the lock, and forgetting deletes the whole hash, so what was
//! read before a change is never kept after it, however long the load took. Objects and lists carry a tag besides: a concert
//! the version that the database says it has, a page the generation of the lists. What has another tag does not count.
//!
//! *Invariant:* a fault of Redis is never an error of a request, and nothing here decides anything but what is shown.

mod config;
mod forget;
mod generation;
pub(crate) mod keys;
mod limit;
mod object;
mod shared;
mod slot;
#[cfg(test)]
mod tests;

pub(crate) use config::CacheConfig;
pub(crate) use forget::Forgetting;
pub(crate) use generation::{ListGeneration, UNKNOWN};
pub(crate) use limit::{LoadLimit, busy};
pub(crate) use object::{Cache, Cached, Held, Loaded};
pub(crate) use shared::Shared;
pub(crate) use slot::{Outcome, Slot, Turn};
