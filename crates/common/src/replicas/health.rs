use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// After so many failures in a row a replica is left out. Of two replicas that is at most half of ten calls, so that one of
/// them alone does not open the service's circuit breaker, which judges from twenty.
const FAILURES: u32 = 5;
/// How long it is left out at first; then twice as long each time.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// What one process knows of a replica's health from calling it.
#[derive(Debug)]
pub(super) struct Health {
    clock: Stopwatch,
    /// Failures since the last success.
    failures: AtomicU32,
    /// Until when it is left out, in milliseconds since the beginning; 0 while it is not.
    out_until: AtomicU64,
    /// How often its time was over since it was first left out.
    trials: AtomicU32,
}

/// Whether a call may go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    In,
    /// Its time is over, and the caller that is told so is the one that finds out.
    Trial,
    Out,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            clock: Stopwatch::default(),
            failures: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
            trials: AtomicU32::new(0),
        }
    }
}

impl Health {
    pub(super) fn state(&self) -> State {
        let until = self.out_until.load(Ordering::Relaxed);
        if until == 0 {
            return State::In;
        }
        let now = self.now();
        if now < until {
            return State::Out;
        }
        // The next trial is then, if nobody hears of this one.
        let trials = self.trials.load(Ordering::Relaxed) + 1;
        let next = now + pause(trials);
        let taken = self
            .out_until
            .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed);
        if taken.is_err() {
            return State::Out;
        }
        self.trials.store(trials, Ordering::Relaxed);
        State::Trial
    }

    /// When it is tried again.
    pub(super) fn until(&self) -> u64 {
        self.out_until.load(Ordering::Relaxed)
    }

    /// True if it had been left out.
    pub(super) fn succeeded(&self) -> bool {
        // Looked at first, so that calls of a healthy replica write nothing.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        self.out_until.load(Ordering::Relaxed) != 0 && self.out_until.swap(0, Ordering::Relaxed) != 0
    }

    /// True if it is left out from now on.
    pub(super) fn failed(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES && self.unreachable()
    }

    /// True if it is left out from now on.
    pub(super) fn unreachable(&self) -> bool {
        let until = self.now() + pause(0);
        let left_out = self
            .out_until
            .compare_exchange(0, until, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if left_out {
            self.trials.store(0, Ordering::Relaxed);
        }
        left_out
    }

    fn now(&self) -> u64 {
        self.clock.millis()
    }
}

/// Milliseconds since it was made.
#[cfg(not(test))]
#[derive(Debug)]
struct Stopwatch(std::time::Instant);

#[cfg(not(test))]
impl Default for Stopwatch {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

#[cfg(not(test))]
impl Stopwatch {
    fn millis(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// One that tests set.
#[cfg(test)]
#[derive(Debug, Default)]
struct Stopwatch(AtomicU64);

#[cfg(test)]
impl Stopwatch {
    fn millis(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
impl Health {
    /// Lets time pass.
    pub(super) fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }
}

/// Milliseconds until the next trial after so many.
fn pause(trials: u32) -> u64 {
    let pause = SHORTEST.saturating_mul(2_u32.saturating_pow(trials)).min(LONGEST);
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_left_out_for_longer_each_time_and_one_call_finds_out() {
        let health = Health::default();
        health.pass(Duration::from_millis(5));
        assert!(health.unreachable());
        assert!(!health.unreachable(), "it is known");
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            health.pass(Duration::from_millis(pause * 1000 - 1));
            assert_eq!(health.state(), State::Out, "{pause} s");
            health.pass(Duration::from_millis(1));
            assert_eq!(health.state(), State::Trial, "{pause} s");
            assert_eq!(health.state(), State::Out, "one call finds out");
        }
        assert!(health.succeeded());
        assert_eq!(health.state(), State::In);
        assert!(!health.succeeded(), "it was not out");
        assert!(health.unreachable());
        health.pass(Duration::from_secs(1));
        assert_eq!(health.state(), State::Trial, "the next time begins with a second again");
    }

    #[test]
    fn failures_count_in_a_row() {
        let health = Health::default();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                assert!(!health.failed());
            }
            health.succeeded();
        }
        for _ in 1..FAILURES {
            assert!(!health.failed());
        }
        assert!(health.failed());
        assert_eq!(health.state(), State::Out);
    }
}
