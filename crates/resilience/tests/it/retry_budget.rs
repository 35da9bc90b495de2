use std::time::Duration;

use resilience::retry::{RetryBudget, RetryBudgetConfig};
use tokio::time::advance;

fn withdrawals(budget: &RetryBudget) -> usize {
    std::iter::repeat_with(|| budget.withdraw())
        .take(10_000)
        .take_while(|granted| *granted)
        .count()
}

#[tokio::test(start_paused = true)]
async fn it_grants_ten_retries_at_the_start_and_ten_each_second() {
    let budget = RetryBudget::default();
    assert_eq!(withdrawals(&budget), 10);

    advance(Duration::from_millis(99)).await;
    assert_eq!(withdrawals(&budget), 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(withdrawals(&budget), 1);
    advance(Duration::from_secs(1)).await;
    assert_eq!(withdrawals(&budget), 10);
}

#[tokio::test(start_paused = true)]
async fn ten_calls_earn_exactly_one_retry() {
    let budget = RetryBudget::new(RetryBudgetConfig {
        min_per_second: 0,
        ..RetryBudgetConfig::default()
    });
    for _ in 0..9 {
        budget.deposit();
    }
    assert_eq!(withdrawals(&budget), 0);
    budget.deposit();
    assert_eq!(withdrawals(&budget), 1);

    for _ in 0..500 {
        budget.deposit();
    }
    assert_eq!(withdrawals(&budget), 50);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_day_saves_no_more_than_the_limit() {
    let budget = RetryBudget::default();
    for _ in 0..100_000 {
        budget.deposit();
    }
    advance(Duration::from_secs(86_400)).await;
    assert_eq!(withdrawals(&budget), 100);
}

#[tokio::test(start_paused = true)]
async fn clones_spend_from_one_account() {
    let budget = RetryBudget::default();
    let clone = budget.clone();
    assert_eq!(withdrawals(&clone), 10);
    assert!(!budget.withdraw());
}
