//! One object in this process's memory, and the turn of whoever finds out anew what it is.

use std::{
    sync::{
        Arc, Mutex, MutexGuard as StateGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex as Turns, MutexGuard},
    time::Instant,
};

/// One object. Requests that find it confirmed recently take it; the first that does not gets the turn; the others take the
/// old one if it was confirmed not much longer ago, and wait for the turn's outcome otherwise. A turn whose request is
/// dropped passes to the next one.
pub(crate) struct Slot<T> {
    turn: Turns<()>,
    state: Mutex<State<T>>,
    /// Whether somebody loads it although it still holds, without having the turn.
    refreshing: AtomicBool,
}

struct State<T> {
    kept: Option<Kept<T>>,
    /// How many turns have ended, and how the last one did.
    ended: u64,
    last: Outcome<T>,
}

struct Kept<T> {
    object: Arc<T>,
    confirmed: Instant,
    ends: Instant,
}

/// How a turn ended.
pub(crate) enum Outcome<T> {
    Found(Arc<T>),
    /// There is no such thing.
    Missing,
    /// It could not be found out.
    Failed,
}

impl<T> Clone for Outcome<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Found(object) => Self::Found(Arc::clone(object)),
            Self::Missing => Self::Missing,
            Self::Failed => Self::Failed,
        }
    }
}

/// What a request that wants the object gets.
pub(crate) enum Turn<'a, T> {
    /// It was confirmed recently.
    Fresh(Arc<T>),
    /// Somebody is finding out; this is what it was a moment ago.
    Stale(Arc<T>),
    /// Somebody has just found out.
    Told(Outcome<T>),
    /// It is this request's turn to find out.
    Mine(MutexGuard<'a, ()>),
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            turn: Turns::default(),
            state: Mutex::new(State {
                kept: None,
                ended: 0,
                last: Outcome::Missing,
            }),
            refreshing: AtomicBool::new(false),
        }
    }
}

impl<T> Slot<T> {
    /// The object, if it `fits` and was confirmed within `known_for`; twice that while another finds out.
    pub(crate) async fn turn(&self, known_for: Duration, fits: impl Fn(&T) -> bool) -> Turn<'_, T> {
        if let Some(object) = self.confirmed_within(known_for, &fits) {
            return Turn::Fresh(object);
        }
        if let Ok(turn) = self.turn.try_lock() {
            // The turn before may have ended between the two lines above.
            return match self.confirmed_within(known_for, &fits) {
                Some(object) => Turn::Fresh(object),
                None => Turn::Mine(turn),
            };
        }
        if let Some(object) = self.confirmed_within(known_for * 2, &fits) {
            return Turn::Stale(object);
        }
        let ended = self.state().ended;
        let turn = self.turn.lock().await;
        let state = self.state();
        if state.ended == ended {
            // Whoever had the turn went away.
            return Turn::Mine(turn);
        }
        match &state.last {
            Outcome::Found(object) if !fits(object) => Turn::Mine(turn),
            outcome => Turn::Told(outcome.clone()),
        }
    }

    fn confirmed_within(&self, age: Duration, fits: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let (now, state) = (Instant::now(), self.state());
        let kept = state.kept.as_ref()?;
        let holds = now < kept.ends && now.duration_since(kept.confirmed) < age && fits(&kept.object);
        holds.then(|| Arc::clone(&kept.object))
    }

    /// What is kept, however old.
    pub(crate) fn kept(&self) -> Option<Arc<T>> {
        self.state().kept.as_ref().map(|kept| Arc::clone(&kept.object))
    }

    /// Keeps the object, which was so at `confirmed`, for at most so long. This ends the turn.
    pub(crate) fn keep(&self, object: Arc<T>, confirmed: Instant, ends_in: Duration) {
        let mut state = self.state();
        state.last = Outcome::Found(Arc::clone(&object));
        state.ended += 1;
        // What was found out later is not replaced by what somebody else had begun to find out before.
        if state.kept.as_ref().is_some_and(|kept| kept.confirmed > confirmed) {
            return;
        }
        state.kept = Some(Kept {
            object,
            confirmed,
            ends: confirmed + ends_in,
        });
    }

    /// Ends the turn without an object to keep.
    pub(crate) fn end(&self, outcome: Outcome<T>) {
        let mut state = self.state();
        if matches!(outcome, Outcome::Missing) {
            state.kept = None;
        }
        state.last = outcome;
        state.ended += 1;
    }

    /// Says that somebody loads it who has given the turn back, until the guard is dropped.
    pub(crate) fn refresh(&self) -> Refreshing<'_> {
        self.refreshing.store(true, Ordering::Relaxed);
        Refreshing(&self.refreshing)
    }

    pub(crate) fn is_refreshing(&self) -> bool {
        self.refreshing.load(Ordering::Relaxed)
    }

    fn state(&self) -> StateGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody loads the object anew while it still holds.
pub(crate) struct Refreshing<'a>(&'a AtomicBool);

impl Drop for Refreshing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
