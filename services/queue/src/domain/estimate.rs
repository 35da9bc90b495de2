//! How long somebody still waits, and when to ask again.

use common::config::{ConfigError, Env};

/// Polls of one event's line per second that are aimed at; a longer line is asked to poll less often.
const POLLS_PER_SECOND: f64 = 2000.0;
/// Polls between now and one's turn: whoever waits a minute asks every five seconds.
const POLLS_UNTIL_TURN: f64 = 12.0;
/// The interval varies by this part, or all who came at once would ask at once for ever.
const JITTER: f64 = 0.2;

/// How fast a line moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Admissions per second as set.
    pub(crate) rate: f64,
    /// As measured over the last minute, once there is enough to measure.
    pub(crate) measured: Option<f64>,
    /// Nobody is admitted: paused, put off, sold out, or not known to be safe.
    pub(crate) halted: bool,
}

impl Pace {
    /// Seconds until the place at `position` is admitted, unless nobody can tell.
    pub(crate) fn wait_seconds(&self, position: u64) -> Option<u64> {
        let speed = self.measured.map_or(self.rate, |measured| measured.min(self.rate));
        if self.halted || speed <= 0.0 {
            return None;
        }
        Some(to_count((to_float(position) / speed).ceil()))
    }
}

/// How often clients may and must poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollLimits {
    /// `QUEUE_POLL_MIN_SECONDS`, whole seconds, default 2; less only where a test or a demonstration must not wait.
    min: u32,
    /// `QUEUE_POLL_MAX_SECONDS`, whole seconds, default 30; far less than the grace of silent waiters.
    max: u32,
}

impl PollLimits {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let limits = Self {
            min: env.parse_or("QUEUE_POLL_MIN_SECONDS", 2)?,
            max: env.parse_or("QUEUE_POLL_MAX_SECONDS", 30)?,
        };
        if limits.min > limits.max {
            return Err(ConfigError::new(
                "QUEUE_POLL_MIN_SECONDS",
                "is more than QUEUE_POLL_MAX_SECONDS",
            ));
        }
        Ok(limits)
    }

    /// Seconds until the next poll of who is at `position` of `total`; `chance` from 0 to 1 spreads the pollers.
    pub(crate) fn poll_after(&self, position: u64, total: u64, rate: f64, chance: f64) -> u64 {
        let turn = to_float(position) / rate.max(1.0);
        // A long line polls less often, but nobody is told to sleep through his turn.
        let load = (to_float(total) / POLLS_PER_SECOND).min(turn);
        let interval = (turn / POLLS_UNTIL_TURN).max(load);
        self.spread(interval, chance)
    }

    /// Seconds until the next poll of who was admitted: only to keep the place's state on the screen.
    pub(crate) fn poll_after_admission(&self, chance: f64) -> u64 {
        self.spread(f64::from(self.max) / 2.0, chance)
    }

    /// The interval, varied within the limits: were it cut off at a limit after it was varied, all of a long line would poll
    /// in the same second.
    fn spread(&self, interval: f64, chance: f64) -> u64 {
        let (min, max) = (f64::from(self.min), f64::from(self.max));
        let middle = interval.max(min / (1.0 - JITTER)).min(max / (1.0 + JITTER));
        let varied = middle * (1.0 - JITTER + 2.0 * JITTER * chance);
        to_count(varied.clamp(min, max).round())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
fn to_float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and the cast saturates"
)]
fn to_count(seconds: f64) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> PollLimits {
        PollLimits::from_env(&Env::from_pairs::<String, String>([]).unwrap()).unwrap()
    }

    #[test]
    fn the_slower_of_set_and_measured_rate_counts() {
        let pace = Pace {
            rate: 10.0,
            measured: None,
            halted: false,
        };
        assert_eq!(pace.wait_seconds(101), Some(11));
        assert_eq!(
            Pace {
                measured: Some(2.0),
                ..pace
            }
            .wait_seconds(101),
            Some(51)
        );
        assert_eq!(
            Pace {
                measured: Some(50.0),
                ..pace
            }
            .wait_seconds(101),
            Some(11)
        );
    }

    #[test]
    fn nobody_is_promised_a_turn_that_may_not_come() {
        let pace = Pace {
            rate: 10.0,
            measured: None,
            halted: true,
        };
        assert_eq!(pace.wait_seconds(1), None);
        assert_eq!(
            Pace {
                measured: Some(0.0),
                halted: false,
                ..pace
            }
            .wait_seconds(1),
            None
        );
    }

    #[test]
    fn intervals_grow_with_the_place_and_stay_within_their_limits() {
        for chance in [0.0, 0.5, 1.0] {
            let mut last = 0;
            for position in [1, 100, 600, 3_000, 50_000] {
                let seconds = limits().poll_after(position, 50_000, 10.0, chance);
                assert!((2..=30).contains(&seconds) && seconds >= last, "{position}: {seconds}");
                last = seconds;
            }
        }
        assert_eq!(limits().poll_after(1, 50_000, 10.0, 0.0), 2);
        assert_eq!(limits().poll_after(50_000, 50_000, 10.0, 1.0), 30);
    }

    #[test]
    fn pollers_are_spread_also_at_the_limits() {
        for position in [1, 1_200, 50_000] {
            let [low, high] = [0.0, 1.0].map(|chance| limits().poll_after(position, 50_000, 10.0, chance));
            assert!(low < high, "{position}: {low} and {high}");
        }
        let most = limits().poll_after(50_000, 50_000, 10.0, 0.0);
        assert_eq!(
            most, 20,
            "fifty thousand who came in one second do not come again in one"
        );
    }

    #[test]
    fn a_test_may_poll_at_once() {
        let env = Env::from_pairs([("QUEUE_POLL_MIN_SECONDS", "0")]).unwrap();
        assert_eq!(PollLimits::from_env(&env).unwrap().poll_after(1, 1, 10.0, 0.5), 0);
        for wrong in [("QUEUE_POLL_MIN_SECONDS", "31"), ("QUEUE_POLL_MAX_SECONDS", "0.5")] {
            assert!(
                PollLimits::from_env(&Env::from_pairs([wrong]).unwrap()).is_err(),
                "{wrong:?}"
            );
        }
    }
}
