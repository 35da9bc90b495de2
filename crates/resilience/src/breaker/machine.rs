use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;
use super::{BreakerConfig, BreakerState, Open, Outcome};

/// What a refused call is told while the probes are still out: nobody knows how long they take.
const RETRY_AFTER_WHILE_PROBING: Duration = Duration::from_secs(1);

/// The breaker without lock, clock and metrics: it is told the time and says which state it went to.
#[derive(Debug)]
pub(super) struct Machine {
    config: BreakerConfig,
    state: State,
    /// Counts the transitions, so that a call knows whether its period has passed.
    period: u64,
}

#[derive(Debug)]
enum State {
    Closed(Window),
    Open { since: Instant },
    HalfOpen { in_flight: u32, ended: u32, failures: u32 },
}

/// The period in which a call was admitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    period: u64,
}

impl Machine {
    pub(super) fn new(config: BreakerConfig) -> Self {
        let config = config.sanitised();
        Self {
            state: State::Closed(Window::new(config.window)),
            config,
            period: 0,
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed(_) => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Ends an open period whose time is over; to be called before anything looks at the state.
    pub(super) fn advance(&mut self, now: Instant) -> Option<BreakerState> {
        match self.state {
            State::Open { since } if now.duration_since(since) >= self.config.open_for => {
                Some(self.enter(State::HalfOpen {
                    in_flight: 0,
                    ended: 0,
                    failures: 0,
                }))
            }
            _ => None,
        }
    }

    pub(super) fn admit(&mut self, now: Instant) -> Result<Admission, Open> {
        match &mut self.state {
            State::Closed(_) => {}
            State::Open { since } => {
                return Err(Open {
                    retry_after: self.config.open_for.saturating_sub(now.duration_since(*since)),
                });
            }
            State::HalfOpen { in_flight, ended, .. } => {
                if *in_flight + *ended >= self.config.half_open_probes {
                    return Err(Open {
                        retry_after: RETRY_AFTER_WHILE_PROBING,
                    });
                }
                *in_flight += 1;
            }
        }
        Ok(Admission { period: self.period })
    }

    pub(super) fn record(&mut self, admission: Admission, outcome: Outcome, now: Instant) -> Option<BreakerState> {
        if admission.period != self.period {
            return None;
        }
        let failed = match outcome {
            Outcome::Success => Some(false),
            Outcome::Failure => Some(true),
            Outcome::Ignored => None,
        };
        match &mut self.state {
            State::Closed(window) => {
                window.push(failed?);
                let judged = window.calls() >= self.config.minimum_calls;
                if judged && self.config.is_failing(window.failures(), window.calls()) {
                    return Some(self.enter(State::Open { since: now }));
                }
            }
            State::HalfOpen {
                in_flight,
                ended,
                failures,
            } => {
                *in_flight -= 1;
                *failures += u32::from(failed?);
                *ended += 1;
                if *ended == self.config.half_open_probes {
                    let failing = self.config.is_failing(*failures, *ended);
                    return Some(self.enter(if failing {
                        State::Open { since: now }
                    } else {
                        State::Closed(Window::new(self.config.window))
                    }));
                }
            }
            // Nothing is admitted while open, so no admission is of this period.
            State::Open { .. } => {}
        }
        None
    }

    fn enter(&mut self, state: State) -> BreakerState {
        self.state = state;
        self.period += 1;
        self.state()
    }
}
