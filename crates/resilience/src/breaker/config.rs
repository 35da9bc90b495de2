use std::time::Duration;

/// When a breaker opens, for how long, and how it recovers. The defaults are those of design.md §4.
///
/// Values that make no sense are brought to the nearest that does when the breaker is made: no count is zero,
/// `minimum_calls` is no greater than `window` (it could never be reached), and `failure_rate` is from 0 to 1 (no
/// number at all becomes the default, or the breaker would never open).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// How many verdicts are remembered while closed.
    pub window: u32,
    /// How many verdicts there must be before they are judged.
    pub minimum_calls: u32,
    /// The share of failures that opens the breaker: 0.5 means that half of the calls suffice. Without any failure it
    /// stays closed, even at 0.
    pub failure_rate: f64,
    /// How long calls are refused before recovery is tried.
    pub open_for: Duration,
    /// How many calls are admitted to try recovery, and judged together.
    pub half_open_probes: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: 100,
            minimum_calls: 20,
            failure_rate: 0.5,
            open_for: Duration::from_secs(60),
            half_open_probes: 10,
        }
    }
}

impl BreakerConfig {
    pub(super) fn sanitised(self) -> Self {
        let window = self.window.max(1);
        let failure_rate = if self.failure_rate.is_nan() {
            Self::default().failure_rate
        } else {
            self.failure_rate
        };
        Self {
            window,
            minimum_calls: self.minimum_calls.clamp(1, window),
            failure_rate: failure_rate.clamp(0.0, 1.0),
            open_for: self.open_for,
            half_open_probes: self.half_open_probes.max(1),
        }
    }

    /// Whether so many failures among so many calls are too many.
    pub(super) fn is_failing(&self, failures: u32, calls: u32) -> bool {
        failures > 0 && f64::from(failures) >= self.failure_rate * f64::from(calls)
    }
}
