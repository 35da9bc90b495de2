//! What each buyer is up to: decided by the seed and the buyer's number alone, so a run can be repeated.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use std::{ops::Range, time::Duration};

/// Of a thousand buyers, how many do what; the rest just buys.
const SHARES: [(Conduct, u32); 5] = [
    (Conduct::Abandon, 60),
    (Conduct::Cancel, 40),
    (Conduct::Decline, 50),
    (Conduct::Leave, 30),
    (Conduct::CloseTab, 30),
];
const TWICE: f64 = 0.03;
const LOSES_REPLIES: f64 = 0.03;
const BROWSES: f64 = 0.05;
const RACES: f64 = 0.4;
/// How many seconds somebody looks at a map of the hall before asking for seats.
const THINKS: Range<f64> = 0.5..2.0;
/// Those who race want some of the first free seats.
const FRONT: usize = 12;
/// Who was not quick enough looks among so many times as many the next time.
const FURTHER_BACK: usize = 4;

/// What a buyer ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Conduct {
    /// Pays.
    Buy,
    /// Holds seats and is never seen again.
    Abandon,
    /// Pays, and cancels once confirmed.
    Cancel,
    /// Pays with a card that is declined; half of them then pay with another.
    Decline,
    /// Loses patience and leaves the line.
    Leave,
    /// Closes the tab while waiting, without a word.
    CloseTab,
}

/// A buyer's plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// When he comes, from the opening.
    pub(super) comes_after: Duration,
    /// How it ends.
    pub(super) conduct: Conduct,
    /// How many seats he wants.
    pub(super) seats: usize,
    /// Whether he wants the seats nearest to the stage, as many others do.
    pub(super) races: bool,
    /// Whether he looks at the list and the concert first.
    pub(super) browses: bool,
    /// Whether he reads the stream instead of polling.
    pub(super) streams: bool,
    /// Whether he has two tabs, or clicks twice.
    pub(super) twice: bool,
    /// Whether the network swallows the replies to his holds and payments.
    pub(super) loses_replies: bool,
}

/// What plans depend on besides the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mix {
    /// The seed.
    pub(super) seed: u64,
    /// Within what time all enter.
    pub(super) entry: Duration,
    /// How many of a hundred read the stream.
    pub(super) stream_percent: u32,
    /// Who has a greater number never reads it: each stream is a connection.
    pub(super) most_streams: usize,
}

impl Plan {
    /// The plan of this buyer, and the dice for everything that he has not planned.
    #[must_use]
    pub(super) fn of(mix: &Mix, buyer: usize) -> (Self, StdRng) {
        let number = u64::try_from(buyer).unwrap_or(u64::MAX);
        let mut dice = StdRng::seed_from_u64(mix.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut draw = dice.random_range(0..1000_u32);
        let mut conduct = Conduct::Buy;
        for (kind, share) in SHARES {
            if draw < share {
                conduct = kind;
                break;
            }
            draw -= share;
        }
        let plan = Self {
            comes_after: mix.entry.mul_f64(dice.random::<f64>()),
            conduct,
            seats: [1, 2, 2, 2, 3, 4][dice.random_range(0..6)],
            races: dice.random_bool(RACES),
            browses: dice.random_bool(BROWSES),
            streams: dice.random_range(0..100) < mix.stream_percent && buyer < mix.most_streams,
            twice: dice.random_bool(TWICE),
            loses_replies: dice.random_bool(LOSES_REPLIES),
        };
        (plan, dice)
    }

    /// Which of the free seats to ask for, by their places in the hall's order: as many side by side as are wanted and free. Who
    /// races begins at the front; but nobody runs into the same crowd again and again.
    #[must_use]
    pub(super) fn wish(&self, free: usize, lost: u32, dice: &mut StdRng) -> Range<usize> {
        let count = self.seats.min(free);
        let choices = free - count + 1;
        let front = FRONT.saturating_mul(FURTHER_BACK.saturating_pow(lost));
        let choices = if self.races { choices.min(front) } else { choices };
        let from = dice.random_range(0..choices);
        from..from + count
    }
}

/// How long somebody looks at the map this time.
#[must_use]
pub(super) fn thinking(dice: &mut StdRng) -> Duration {
    Duration::from_secs_f64(dice.random_range(THINKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIX: Mix = Mix {
        seed: 7,
        entry: Duration::from_secs(10),
        stream_percent: 5,
        most_streams: 10_000,
    };

    fn plans(mix: Mix) -> Vec<Plan> {
        (0..10_000).map(|buyer| Plan::of(&mix, buyer).0).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_buyers_and_another_gives_others() {
        assert_eq!(plans(MIX), plans(MIX));
        assert_ne!(plans(MIX), plans(Mix { seed: 8, ..MIX }));
    }

    #[test]
    fn everything_happens_about_as_often_as_it_shall() {
        let plans = plans(MIX);
        for (conduct, share) in SHARES {
            let count = plans.iter().filter(|plan| plan.conduct == conduct).count();
            let expected = usize::try_from(share).unwrap() * 10;
            assert!(count.abs_diff(expected) < expected / 4, "{conduct:?}: {count}");
        }
        let seats: usize = plans.iter().map(|plan| plan.seats).sum();
        assert!((22_000..25_000).contains(&seats), "{seats}");
        assert!(plans.iter().all(|plan| plan.comes_after < MIX.entry));
        let streams = plans.iter().filter(|plan| plan.streams).count();
        assert!((400..600).contains(&streams), "{streams}");
    }

    #[test]
    fn everybody_thinks_and_the_same_seed_thinks_as_long() {
        let thoughts = |seed| {
            let (_, mut dice) = Plan::of(&Mix { seed, ..MIX }, 3);
            [(); 50].map(|()| thinking(&mut dice))
        };
        assert_eq!(thoughts(7), thoughts(7));
        assert_ne!(thoughts(7), thoughts(8));
        let bounds = Duration::from_millis(500)..Duration::from_secs(2);
        assert!(thoughts(7).iter().all(|thought| bounds.contains(thought)));
    }

    #[test]
    fn who_races_begins_at_the_front_and_looks_further_back_after_each_loss() {
        let (plan, mut dice) = Plan::of(&MIX, 0);
        let (seats, races) = (4, true);
        let racer = Plan { seats, races, ..plan };
        let mut furthest = |plan: &Plan, lost| (0..500).map(|_| plan.wish(3000, lost, &mut dice).start).max();
        for (lost, front) in [(0, 12), (1, 48), (2, 192)] {
            let found = furthest(&racer, lost).unwrap();
            assert!((front / 2..front).contains(&found), "{found} after {lost} losses");
        }
        // The whole hall, however often.
        assert!(furthest(&racer, 40).unwrap() > 1500);
        let races = false;
        assert!(furthest(&Plan { races, ..racer }, 0).unwrap() > 1500);
    }

    #[test]
    fn nobody_wishes_for_more_than_is_free() {
        let (plan, mut dice) = Plan::of(&MIX, 0);
        let plan = Plan { seats: 4, ..plan };
        assert_eq!(plan.wish(1, 0, &mut dice), 0..1);
        assert_eq!(plan.wish(4, 0, &mut dice), 0..4);
        let wish = plan.wish(5, 0, &mut dice);
        assert!(wish.len() == 4 && wish.end <= 5);
    }
}
