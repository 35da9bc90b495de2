//! Whether somebody who waits still hopes for a seat.
//!
//! The line keeps every place when the last seat is sold, because a seat may come back; but it cannot name a time any more.
//! Whoever is told none looks at the concert's page, as anybody may. Who reads there that nothing is left lingers for a while,
//! and goes home unless the line names a time again meanwhile.

use rand::{RngExt, rngs::StdRng};
use std::{ops::Range, time::Duration};
use tokio::time::Instant;

/// Nobody looks at the page more often. Who polls looks after a poll only, and polls of a long line are further apart.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Who has heard nothing for so long looks at the page too. Polls are at most 30 seconds apart, so this is for streams.
const QUIET: Duration = Duration::from_secs(40);
/// How many seconds somebody lingers who has read that nothing is left. Who cancels does so within two, so seats that come back
/// are back before the first has gone.
const LINGERS: Range<f64> = 5.0..12.0;

/// A waiting buyer's hope.
#[derive(Debug)]
pub(super) struct Hope {
    look_at: Instant,
    looked: Option<Instant>,
    ends: Option<Instant>,
}

impl Hope {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            look_at: now + QUIET,
            looked: None,
            ends: None,
        }
    }

    /// The line has spoken, and has named a time until the admission or not.
    pub(super) fn hear(&mut self, names_a_time: bool, now: Instant) {
        if names_a_time {
            self.ends = None;
            self.look_at = now + QUIET;
        } else {
            self.look_at = self.looked.map_or(now, |looked| now.max(looked + LOOK_EVERY));
        }
    }

    /// What the page said: whether a seat is left, if that could be read.
    pub(super) fn see(&mut self, left: Option<bool>, now: Instant, dice: &mut StdRng) {
        self.looked = Some(now);
        self.look_at = now + LOOK_EVERY;
        if left == Some(false) {
            self.ends = Some(now + Duration::from_secs_f64(dice.random_range(LINGERS)));
        }
    }

    /// When to look at the page, or to go home if [`Self::is_lost`].
    pub(super) fn next(&self) -> Instant {
        self.ends.unwrap_or(self.look_at)
    }

    /// Whether nothing is left as far as this buyer knows.
    pub(super) fn is_lost(&self) -> bool {
        self.ends.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const SECOND: Duration = Duration::from_secs(1);

    fn begin() -> (Instant, StdRng, Hope) {
        let now = Instant::now();
        (now, StdRng::seed_from_u64(7), Hope::new(now))
    }

    #[test]
    fn who_is_told_a_time_does_not_look() {
        let (now, _, mut hope) = begin();
        hope.hear(true, now + SECOND);
        assert!(hope.next() > now + 31 * SECOND && !hope.is_lost());
    }

    #[test]
    fn who_is_told_none_looks_at_once_and_then_now_and_then() {
        let (now, mut dice, mut hope) = begin();
        hope.hear(false, now);
        assert_eq!(hope.next(), now);
        hope.see(Some(true), now, &mut dice);
        hope.hear(false, now + SECOND);
        assert_eq!(hope.next(), now + LOOK_EVERY);
        hope.see(None, now + LOOK_EVERY, &mut dice);
        assert!(!hope.is_lost(), "what cannot be read says nothing");
    }

    #[test]
    fn who_reads_that_nothing_is_left_goes_home_soon_unless_seats_come_back() {
        let (now, mut dice, mut hope) = begin();
        hope.hear(false, now);
        hope.see(Some(false), now, &mut dice);
        assert!(hope.is_lost());
        let end = hope.next();
        assert!(end >= now + 5 * SECOND && end < now + 12 * SECOND);
        hope.hear(false, now + SECOND);
        assert_eq!(hope.next(), end, "the same news is no reason to stay longer");
        hope.hear(true, now + 2 * SECOND);
        assert!(!hope.is_lost() && hope.next() > end);
    }
}
