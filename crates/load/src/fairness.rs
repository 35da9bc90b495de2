//! Whether the line was fair: first come, first served, and never faster than allowed (design.md §9, I6).
//!
//! Judged is what the buyers were told, not what the system says of itself. Every reply names the moment of Redis' clock at
//! which it was true, and Redis does one thing at a time; so it is certain that somebody was overtaken when he was told that
//! he *waits* at a moment after somebody who entered later was told that he *is admitted*. Besides, the ticket of who was
//! admitted names the grant, and one process numbers its grants in the order in which it makes them, so the whole order of
//! admission is known and compared with the order of entering.
//!
//! Nobody is overtaken who was not there: a waiter may be passed over for silence, and an admission that nobody claims in
//! time goes back to the line once (§8.1). So those who were silent for longer than the time for claiming are not judged as
//! the overtaken, but still as the overtaking.

use serde::Serialize;
use std::time::Duration;

/// More examples help nobody.
const EXAMPLES: usize = 20;

/// A buyer's way through the line, in microseconds of Redis' clock.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Which buyer.
    pub buyer: usize,
    /// When he entered, as he was told.
    pub entered: i64,
    /// The last moment at which he was told that he waits.
    pub last_waiting: Option<i64>,
    /// The first moment at which he was told that he is admitted.
    pub admitted: Option<i64>,
    /// The number of his grant, if the ticket told it.
    pub grant: Option<u128>,
    /// The longest time between two things that he was told while he waited.
    pub silence: i64,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fairness {
    /// How many entered.
    pub entered: usize,
    /// How many of them were seen to be admitted.
    pub admitted: usize,
    /// Two who entered at the very same moment: there would be no order of them.
    pub ties: usize,
    /// Those who waited while somebody who came later was admitted already, of those who were there.
    pub overtaken: usize,
    /// Those whose grant was made after that of somebody who came later, of those who were there.
    pub out_of_order: usize,
    /// How many grants could be compared.
    pub grants_compared: usize,
    /// Those not judged as the overtaken, because they were silent for too long.
    pub silent: usize,
    /// Some of what was found, in words.
    pub examples: Vec<String>,
}

impl Fairness {
    /// Whether order in was order out.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.overtaken + self.out_of_order + self.ties == 0
    }
}

/// Judges everybody's way. `claim` is how long an admission may stay unclaimed; grants are compared only if `one_numbers` all
/// of them, that is, if there was one queue service.
#[must_use]
pub fn judge(places: &[Place], claim: Duration, one_numbers: bool) -> Fairness {
    let mut places: Vec<&Place> = places.iter().collect();
    places.sort_by_key(|place| place.entered);
    let claim = i64::try_from(claim.as_micros()).unwrap_or(i64::MAX);
    let is_silent = |place: &Place| place.silence >= claim;
    let mut found = Fairness {
        entered: places.len(),
        admitted: places.iter().filter(|place| place.admitted.is_some()).count(),
        ties: places
            .windows(2)
            .filter(|pair| pair[0].entered == pair[1].entered)
            .count(),
        silent: places.iter().filter(|place| is_silent(place)).count(),
        grants_compared: places
            .iter()
            .filter(|place| place.grant.is_some() && one_numbers)
            .count(),
        ..Fairness::default()
    };
    // From the last who entered to the first: who of those behind left the line earliest?
    let mut earliest: Option<(i64, &Place)> = None;
    let mut first_grant: Option<(u128, &Place)> = None;
    for place in places.into_iter().rev() {
        if !is_silent(place) {
            if let (Some(waiting), Some((left, by))) = (place.last_waiting, earliest)
                && waiting > left
            {
                found.overtaken += 1;
                let later = waiting - left;
                found.say(
                    place,
                    by,
                    &format!("still waited {later} µs after that one was admitted"),
                );
            }
            if let (Some(grant), Some((first, by)), true) = (place.grant, first_grant, one_numbers)
                && grant > first
            {
                found.out_of_order += 1;
                found.say(place, by, "has the later grant");
            }
        }
        if let Some(left) = place.admitted
            && earliest.is_none_or(|(earliest, _)| left < earliest)
        {
            earliest = Some((left, place));
        }
        if let Some(grant) = place.grant
            && first_grant.is_none_or(|(first, _)| grant < first)
        {
            first_grant = Some((grant, place));
        }
    }
    found
}

impl Fairness {
    fn say(&mut self, place: &Place, by: &Place, what: &str) {
        if self.examples.len() < EXAMPLES {
            let earlier = by.entered - place.entered;
            let (buyer, by) = (place.buyer, by.buyer);
            self.examples.push(format!(
                "buyer {buyer} entered {earlier} µs before buyer {by} and {what}"
            ));
        }
    }
}

/// How many had been admitted at some moment between two of this machine's clock.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// When it was asked for, in seconds from the start.
    pub asked: f64,
    /// When the answer was there.
    pub answered: f64,
    /// How many.
    pub admitted: u64,
}

/// The most that was admitted beyond what rate and burst allow in any span of time; negative if none was. What happened
/// between two counts took at most as long as from asking for the first to the answer of the second.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
pub fn excess(counts: &[Count], rate: f64, burst: f64) -> f64 {
    // The excess of i..j is (admitted_j − rate · answered_j) − (admitted_i − rate · asked_i) − burst: it is enough to know
    // the least of the second term so far.
    let mut least = f64::INFINITY;
    let mut worst = f64::NEG_INFINITY;
    for count in counts {
        let admitted = count.admitted as f64;
        worst = worst.max(admitted - rate * count.answered - least - burst);
        least = least.min(admitted - rate * count.asked);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Duration = Duration::from_secs(20);

    /// A line of a hundred that moves ten places a second, polled once a second.
    fn line() -> Vec<Place> {
        (0_u8..100)
            .map(|number| {
                let n = i64::from(number);
                let turn = 1_000_000 * (1 + n / 10);
                Place {
                    buyer: usize::from(number),
                    entered: n,
                    last_waiting: Some(turn - 500_000),
                    admitted: Some(turn + 300_000),
                    grant: Some(1000 + u128::from(number)),
                    silence: 1_000_000,
                }
            })
            .collect()
    }

    #[test]
    fn order_in_is_order_out() {
        let mut places = line();
        places.reverse();
        let found = judge(&places, CLAIM, true);
        assert!(found.holds(), "{found:?}");
        assert_eq!((found.entered, found.admitted, found.grants_compared), (100, 100, 100));
    }

    #[test]
    fn one_who_waits_while_a_later_one_is_in_was_overtaken() {
        let mut places = line();
        places[12].last_waiting = Some(3_400_000);
        let found = judge(&places, CLAIM, true);
        assert_eq!((found.overtaken, found.out_of_order), (1, 0));
        assert!(
            found.examples[0].starts_with("buyer 12 entered"),
            "{:?}",
            found.examples
        );
        assert!(!found.holds());
    }

    #[test]
    fn two_grants_in_the_wrong_order_are_found_though_nobody_saw_them() {
        let mut places = line();
        let (left, right) = (places[44].grant, places[45].grant);
        (places[44].grant, places[45].grant) = (right, left);
        assert_eq!(judge(&places, CLAIM, true).out_of_order, 1);
        assert_eq!(
            judge(&places, CLAIM, false).out_of_order,
            0,
            "several processes number their own"
        );
    }

    #[test]
    fn whoever_jumps_the_line_overtakes_all_who_were_before() {
        let mut places = line();
        (places[99].admitted, places[99].grant) = (Some(1_000_000), Some(1));
        let found = judge(&places, CLAIM, true);
        assert_eq!((found.overtaken, found.out_of_order), (89, 99));
        assert_eq!(found.examples.len(), EXAMPLES);
    }

    #[test]
    fn the_silent_are_passed_over_by_design_but_may_not_overtake() {
        let mut places = line();
        (places[3].silence, places[3].last_waiting, places[3].grant) = (30_000_000, Some(9_000_000), Some(9000));
        let found = judge(&places, CLAIM, true);
        assert!(found.holds(), "{found:?}");
        assert_eq!(found.silent, 1);
        (places[90].silence, places[90].grant) = (30_000_000, Some(1));
        assert_eq!(judge(&places, CLAIM, true).out_of_order, 89);
    }

    #[test]
    fn two_at_the_same_moment_have_no_order() {
        let mut places = line();
        places[5].entered = places[6].entered;
        assert_eq!(judge(&places, CLAIM, true).ties, 1);
    }

    #[test]
    fn a_rate_is_kept_in_every_span() {
        let count = |second: u32, admitted| Count {
            asked: f64::from(second),
            answered: f64::from(second) + 0.1,
            admitted,
        };
        let steady: Vec<Count> = (0_u32..60)
            .map(|second| count(second, u64::from(second) * 50))
            .collect();
        assert!(excess(&steady, 50.0, 100.0) <= -100.0);
        // A pause, and then all at once what was missed: too much.
        let mut stalled = steady.clone();
        for count in &mut stalled[20..30] {
            count.admitted = 1000;
        }
        assert!(excess(&stalled, 50.0, 100.0) > 300.0);
        assert!(excess(&[], 50.0, 100.0) < 0.0);
    }
}
