use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use tokio_util::task::TaskTracker;

use crate::SimulatorConfig;
use crate::faults::FaultBoard;
use crate::identity::Identities;
use crate::journal::{Entry, Journal};
use crate::oauth::Oauth;
use crate::portone::courier::{self, Courier, Webhooks};
use crate::portone::idempotency::RememberedReplies;
use crate::portone::store::Payments;
use crate::recaptcha::SeenTokens;

/// Everything the simulated providers remember.
pub(crate) struct Simulators {
    pub(crate) config: SimulatorConfig,
    pub(crate) faults: FaultBoard,
    pub(crate) payments: Payments,
    pub(crate) replies: RememberedReplies,
    pub(crate) webhooks: Webhooks,
    pub(crate) identities: Identities,
    pub(crate) captcha_tokens: SeenTokens,
    pub(crate) oauth: Oauth,
    /// Requests run here rather than on their connection, because a real provider finishes what a caller that hung up
    /// has begun.
    pub(crate) detached: TaskTracker,
}

impl Simulators {
    /// Loads the state file, if there is one. Webhooks go out only while the returned courier runs.
    pub(crate) fn start(config: SimulatorConfig) -> anyhow::Result<(Arc<Self>, Courier)> {
        let (journal, entries) = match &config.state_file {
            Some(path) => Journal::open(path).with_context(|| format!("the state file {}", path.display()))?,
            None => (Journal::nowhere(), Vec::new()),
        };
        let journal = Arc::new(journal);
        let (mut payments, mut identities) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Payment(payment) => payments.push(*payment),
                Entry::IdentityVerification(identity) => identities.push(identity),
            }
        }
        let (webhooks, courier) = courier::open(&config)?;
        let simulators = Arc::new(Self {
            payments: Payments::new(Arc::clone(&journal), payments),
            identities: Identities::new(journal, identities),
            replies: RememberedReplies::default(),
            captcha_tokens: SeenTokens::default(),
            oauth: Oauth::new()?,
            detached: TaskTracker::new(),
            faults: FaultBoard::none(),
            webhooks,
            config,
        });
        for payment in simulators.payments.all() {
            for unsettled in payment.unsettled {
                simulators.settle_in_time(&payment.id, unsettled);
            }
        }
        Ok((simulators, courier))
    }
}

/// Locks without caring that an earlier holder panicked: every critical section here leaves its data whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
