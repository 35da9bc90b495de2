use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use metrics::{counter, gauge};
use tokio::time::Instant;

use super::machine::{Admission, Machine};
use super::{BreakerConfig, BreakerError, BreakerState, Open, Outcome};

/// Those that exist. Asked and changed only where a breaker is made or shown.
static ALL: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// One breaker. Clones share their state; there is one for each thing that can fail by itself, per process.
///
/// Exports the gauge `circuit_breaker_state{name}` (0 closed, 1 half-open, 2 open) and the counter
/// `circuit_breaker_transitions_total{name, to}`, and logs each transition.
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    machine: Mutex<Machine>,
}

impl CircuitBreaker {
    /// A closed breaker. The name says in logs and metrics what is called, for instance `portone`, and is unique in the
    /// process. Install the metrics recorder first, or the gauge is missing until the first transition.
    pub fn new(name: impl Into<Arc<str>>, config: BreakerConfig) -> Self {
        let name = name.into();
        gauge!("circuit_breaker_state", "name" => Arc::clone(&name)).set(BreakerState::Closed.gauge());
        // Series that begin at their first increment hide it from rate().
        for to in [BreakerState::Closed, BreakerState::HalfOpen, BreakerState::Open] {
            counter!("circuit_breaker_transitions_total", "name" => Arc::clone(&name), "to" => to.as_str())
                .increment(0);
        }
        let shared = Arc::new(Shared {
            name,
            machine: Mutex::new(Machine::new(config)),
        });
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&shared));
        Self { shared }
    }

    /// Every breaker of this process, for who shows their states.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = all.iter().filter_map(Weak::upgrade);
        alive.map(|shared| Self { shared }).collect()
    }

    /// The name given at creation.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The state that the next call meets.
    pub fn state(&self) -> BreakerState {
        self.shared.advanced(Instant::now()).state()
    }

    /// Asks to make a call.
    ///
    /// # Errors
    ///
    /// [`Open`] if the call must not be made: the breaker is open, or half-open with all its probes under way.
    pub fn try_acquire(&self) -> Result<Permit, Open> {
        let now = Instant::now();
        let admission = self.shared.advanced(now).admit(now)?;
        Ok(Permit {
            shared: Arc::clone(&self.shared),
            admission: Some(admission),
        })
    }

    /// Makes a call if the breaker allows it, and records what `classify` says of its result.
    /// A call that is dropped before its end is [`Outcome::Ignored`].
    ///
    /// # Errors
    ///
    /// [`BreakerError::Open`] if the call was not made, [`BreakerError::Inner`] with the call's own error.
    pub async fn call<T, E>(
        &self,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BreakerError<E>> {
        let permit = self.try_acquire()?;
        let result = call.await;
        permit.record(classify(&result));
        result.map_err(BreakerError::Inner)
    }
}

impl Shared {
    /// The machine, past the end of an open period if that has come.
    fn advanced(&self, now: Instant) -> MutexGuard<'_, Machine> {
        let mut machine = self.lock();
        if let Some(to) = machine.advance(now) {
            self.announce(to);
        }
        machine
    }

    fn record(&self, admission: Admission, outcome: Outcome) {
        let mut machine = self.lock();
        if let Some(to) = machine.record(admission, outcome, Instant::now()) {
            self.announce(to);
        }
    }

    /// Nothing panics while it holds the lock, so the state behind a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called under the lock, so that the gauge never keeps the older of two states.
    fn announce(&self, to: BreakerState) {
        gauge!("circuit_breaker_state", "name" => Arc::clone(&self.name)).set(to.gauge());
        counter!("circuit_breaker_transitions_total", "name" => Arc::clone(&self.name), "to" => to.as_str())
            .increment(1);
        let name = &*self.name;
        match to {
            BreakerState::Open => {
                tracing::warn!(
                    breaker.name = name,
                    breaker.to = to.as_str(),
                    "Circuit breaker refuses calls"
                );
            }
            BreakerState::HalfOpen => {
                tracing::info!(
                    breaker.name = name,
                    breaker.to = to.as_str(),
                    "Circuit breaker tries recovery"
                );
            }
            BreakerState::Closed => {
                tracing::info!(
                    breaker.name = name,
                    breaker.to = to.as_str(),
                    "Circuit breaker lets calls pass again"
                );
            }
        }
    }
}

/// The right to make one call. Dropped without a record, it counts as [`Outcome::Ignored`], and another probe may have
/// its place.
#[derive(Debug)]
#[must_use = "a permit that is dropped without a record counts as ignored"]
pub struct Permit {
    shared: Arc<Shared>,
    /// Taken by the record, so that the drop does not record again.
    admission: Option<Admission>,
}

impl Permit {
    /// Tells how the call went.
    pub fn record(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(admission) = self.admission.take() {
            self.shared.record(admission, outcome);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.settle(Outcome::Ignored);
    }
}
