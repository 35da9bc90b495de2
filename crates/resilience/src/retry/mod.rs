//! Repetition of calls that failed by chance, with jitter and within a budget (design.md §4).
//!
//! Two things keep retries from making an outage worse. The back-off is drawn at random from the whole span ("full jitter"),
//! so that those who failed together do not come back together. And a [`RetryBudget`] shared by all calls to one upstream
//! limits the extra load to a share of the ordinary one, whatever the policy would allow each single call.

mod budget;
mod policy;

pub use budget::{RetryBudget, RetryBudgetConfig};
pub use policy::RetryPolicy;

/// Runs `operation` until it succeeds, its error is not retryable, or the policy or the budget is exhausted.
///
/// Only for operations that may be repeated. A failed attempt is over, its error dropped, before the back-off begins.
///
/// # Errors
///
/// The error of the last attempt.
pub async fn retry<T, E, F>(
    policy: &RetryPolicy,
    budget: &RetryBudget,
    is_retryable: impl Fn(&E) -> bool,
    mut operation: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    budget.deposit();
    let mut retries = 0;
    loop {
        let error = match operation().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if !is_retryable(&error) {
            return Err(error);
        }
        let Some(delay) = policy.pause(budget, retries) else {
            return Err(error);
        };
        drop(error);
        tokio::time::sleep(delay).await;
        retries += 1;
    }
}
