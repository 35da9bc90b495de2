//! The names of the cache in Redis (`design.md` §6). One key is one object, lock and all, so that each script names one key
//! and runs on a cluster as well.

use uuid::Uuid;

/// A concert without its seat counts.
pub(crate) fn event(id: Uuid) -> String {
    format!("cache:event:{id}")
}

/// The seats of a concert without what is sold.
pub(crate) fn seats(id: Uuid) -> String {
    format!("cache:seats:{id}")
}

/// A page of the list.
pub(crate) fn list(page: u32, size: u32, filters: &str) -> String {
    format!("cache:event:list:{page}:{size}:{filters}")
}

/// The generation of all pages of the list: a text that changes with every change of the catalogue.
pub(super) const LIST_GENERATION: &str = "cache:event:list:generation";
