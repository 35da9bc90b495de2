//! What all buyers of a run share.

use super::plan::Mix;
use crate::{accounts::Account, fairness::Place, world::World};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// More texts of one run help nobody.
const MOST_TEXTS: usize = 100;

/// One run.
pub(super) struct Sale {
    pub(super) world: World,
    pub(super) event: Uuid,
    /// The event as it stands in paths.
    pub(super) event_path: String,
    pub(super) seats_path: String,
    pub(super) status_path: String,
    pub(super) mix: Mix,
    /// When the sale opens for the buyers.
    pub(super) opens: Instant,
    /// Cancelled when the time is up or somebody pressed Ctrl-C.
    pub(super) stop: CancellationToken,
    pub(super) counters: Counters,
    pub(super) ledger: Mutex<Ledger>,
}

/// What the screen shows.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) entered: AtomicU64,
    pub(super) waiting: AtomicI64,
    pub(super) admitted: AtomicU64,
    /// Admitted ones who are still at it.
    pub(super) busy: AtomicI64,
    pub(super) holding: AtomicI64,
    pub(super) paid: AtomicU64,
    pub(super) confirmed: AtomicU64,
    pub(super) ended: AtomicU64,
}

/// What buyers were told that must be true when all is over.
#[derive(Default)]
pub(super) struct Ledger {
    /// Bookings that were confirmed to a buyer, and not cancelled by him.
    pub(super) bookings: Vec<Booking>,
    /// Those whose cancellation was confirmed.
    pub(super) cancelled: Vec<Booking>,
    /// Contradictions.
    pub(super) violations: Vec<String>,
}

/// A confirmed booking.
#[derive(Clone, Debug)]
pub(super) struct Booking {
    pub(super) reservation: Uuid,
    pub(super) seats: Vec<Uuid>,
    pub(super) amount: i64,
}

/// How a buyer's evening ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Fate {
    /// Has tickets.
    Bought,
    /// Had tickets, and the money back.
    Refunded,
    /// Held seats and went away.
    Abandoned,
    /// The card was declined, and that was it.
    Declined,
    /// Left the line.
    Left,
    /// Closed the tab.
    ClosedTab,
    /// Nothing was left.
    SoldOut,
    /// Lost the place: silent or too slow.
    PlaceEnded,
    /// The line was full.
    Refused,
    /// The time was up.
    Stopped,
    /// Something that must not be.
    Failed,
}

/// What becomes of a buyer.
pub(super) struct Ending {
    pub(super) fate: Fate,
    pub(super) place: Option<Place>,
    /// Somebody who cannot believe it and comes back when all is over.
    pub(super) comes_back: Option<Account>,
}

impl Sale {
    /// Writes down what must not be.
    pub(super) fn violation(&self, text: impl Into<String>) {
        let mut ledger = self.ledger();
        if ledger.violations.len() < MOST_TEXTS {
            ledger.violations.push(text.into());
        }
    }

    pub(super) fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts up, and down again when dropped.
pub(super) struct Gauge<'a>(&'a AtomicI64);

impl<'a> Gauge<'a> {
    pub(super) fn up(counter: &'a AtomicI64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many ended in each way.
pub(super) type Fates = BTreeMap<Fate, u64>;
