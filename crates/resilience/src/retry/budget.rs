use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// One retry, in the unit of the balance. Nanoseconds times retries per second are then exact, and so are percents.
const ONE_RETRY: u64 = 1_000_000_000;

/// How many retries a [`RetryBudget`] grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudgetConfig {
    /// Retries per hundred calls.
    pub percent: u32,
    /// Retries per second that are granted however few calls there are, also the balance at the start.
    pub min_per_second: u32,
    /// How many unused retries are kept at most, so that a quiet day does not pay for a storm. 0 forbids retries.
    pub max_saved: u32,
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self {
            percent: 10,
            min_per_second: 10,
            max_saved: 100,
        }
    }
}

/// A token bucket that calls fill and retries empty. Clones share it; there is one per upstream.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    config: RetryBudgetConfig,
    account: Arc<Mutex<Account>>,
}

#[derive(Debug)]
struct Account {
    balance: u64,
    filled_at: Instant,
}

impl RetryBudget {
    /// A budget with the balance of one second.
    pub fn new(config: RetryBudgetConfig) -> Self {
        let balance = ONE_RETRY * u64::from(config.min_per_second.min(config.max_saved));
        Self {
            config,
            account: Arc::new(Mutex::new(Account {
                balance,
                filled_at: Instant::now(),
            })),
        }
    }

    /// Notes one call, whether or not it will need a retry.
    pub fn deposit(&self) {
        let share = u64::from(self.config.percent) * ONE_RETRY / 100;
        let mut account = self.filled_account();
        account.balance = self.capped(account.balance.saturating_add(share));
    }

    /// Pays for one retry. If this is false, the retry must not happen.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        let mut account = self.filled_account();
        match account.balance.checked_sub(ONE_RETRY) {
            Some(rest) => {
                account.balance = rest;
                true
            }
            None => false,
        }
    }

    /// The account with what time has added to it.
    fn filled_account(&self) -> MutexGuard<'_, Account> {
        // Nothing panics while it holds the lock, so the account behind a poisoned one is whole.
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let elapsed = u64::try_from(now.duration_since(account.filled_at).as_nanos()).unwrap_or(u64::MAX);
        let earned = elapsed.saturating_mul(u64::from(self.config.min_per_second));
        account.balance = self.capped(account.balance.saturating_add(earned));
        account.filled_at = now;
        account
    }

    fn capped(&self, balance: u64) -> u64 {
        balance.min(ONE_RETRY * u64::from(self.config.max_saved))
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(RetryBudgetConfig::default())
    }
}
