use std::cell::Cell;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use resilience::breaker::{BreakerConfig, BreakerError, BreakerState, CircuitBreaker, Outcome};
use resilience::retry::{RetryBudget, RetryBudgetConfig, RetryPolicy, retry};
use tokio::time::Instant;

const POLICY: RetryPolicy = RetryPolicy {
    max_retries: 2,
    base_delay: Duration::from_millis(50),
    max_delay: Duration::from_millis(120),
};

/// Fails so many times, then succeeds; counts its calls.
async fn flaky(calls: &Cell<u32>, failures: u32) -> Result<&'static str, &'static str> {
    calls.set(calls.get() + 1);
    if calls.get() > failures {
        Ok("done")
    } else {
        Err("unavailable")
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_is_not_repeated() {
    let calls = Cell::new(0);
    assert_eq!(
        retry(&POLICY, &RetryBudget::default(), |_| true, || flaky(&calls, 0)).await,
        Ok("done")
    );
    assert_eq!(calls.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_failures_are_overcome_by_two_retries() {
    let calls = Cell::new(0);
    assert_eq!(
        retry(&POLICY, &RetryBudget::default(), |_| true, || flaky(&calls, 2)).await,
        Ok("done")
    );
    assert_eq!(calls.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_retry_the_failure_stands() {
    let calls = Cell::new(0);
    assert_eq!(
        retry(&POLICY, &RetryBudget::default(), |_| true, || flaky(&calls, 9)).await,
        Err("unavailable")
    );
    assert_eq!(calls.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_not_retryable_stands_at_once() {
    let calls = Cell::new(0);
    let started = Instant::now();
    let is_retryable = |error: &&str| *error != "unavailable";
    assert_eq!(
        retry(&POLICY, &RetryBudget::default(), is_retryable, || flaky(&calls, 9)).await,
        Err("unavailable")
    );
    assert_eq!(calls.get(), 1);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn when_the_budget_is_spent_the_failure_stands() {
    let budget = RetryBudget::new(RetryBudgetConfig {
        percent: 0,
        min_per_second: 1,
        max_saved: 1,
    });
    let calls = Cell::new(0);
    assert_eq!(
        retry(&POLICY, &budget, |_| true, || flaky(&calls, 9)).await,
        Err("unavailable")
    );
    assert_eq!(calls.get(), 2, "the budget pays for one retry only");
}

#[tokio::test(start_paused = true)]
async fn every_call_pays_into_the_budget() {
    let budget = RetryBudget::new(RetryBudgetConfig {
        percent: 50,
        min_per_second: 0,
        max_saved: 9,
    });
    let calls = Cell::new(0);
    retry(&POLICY, &budget, |_| true, || flaky(&calls, 0)).await.unwrap();
    retry(&POLICY, &budget, |_| true, || flaky(&calls, 9))
        .await
        .unwrap_err();
    assert_eq!(calls.get(), 3, "two calls pay for one retry");
}

#[tokio::test(start_paused = true)]
async fn the_waits_together_stay_below_the_sum_of_their_limits() {
    let budget = RetryBudget::new(RetryBudgetConfig {
        max_saved: 1_000,
        min_per_second: 1_000,
        percent: 0,
    });
    let policy = RetryPolicy {
        max_retries: 4,
        ..POLICY
    };
    let started = Instant::now();
    let calls = Cell::new(0);
    retry(&policy, &budget, |_| true, || flaky(&calls, 9))
        .await
        .unwrap_err();
    assert_eq!(calls.get(), 5);
    // 50 + 100 + 120 + 120, and the timer rounds each up to a millisecond.
    assert!(
        started.elapsed() <= Duration::from_millis(394),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_inside_judges_every_try_and_its_refusal_ends_them() {
    let config = BreakerConfig {
        minimum_calls: 2,
        ..BreakerConfig::default()
    };
    let breaker = CircuitBreaker::new("upstream", config);
    let calls = Cell::new(0);
    let is_retryable = |error: &BreakerError<&str>| matches!(error, BreakerError::Inner(_));
    let policy = RetryPolicy {
        max_retries: 9,
        ..POLICY
    };
    let result = retry(&policy, &RetryBudget::default(), is_retryable, || {
        breaker.call(|_| Outcome::Failure, flaky(&calls, 9))
    })
    .await;
    assert!(matches!(result, Err(BreakerError::Open { .. })), "{result:?}");
    assert_eq!(calls.get(), 2);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn jitter_fills_the_span_from_nothing_to_a_limit_that_doubles_up_to_the_greatest() {
    let mut random = StdRng::seed_from_u64(20_260_111);
    for (attempt, limit) in [(0, 50), (1, 100), (2, 120), (3, 120), (40, 120), (u32::MAX, 120)] {
        let limit = Duration::from_millis(limit);
        let delays: Vec<Duration> = (0..2_000).map(|_| POLICY.delay_from(attempt, &mut random)).collect();
        let (shortest, longest) = (*delays.iter().min().unwrap(), *delays.iter().max().unwrap());
        assert!(longest <= limit, "{longest:?} at attempt {attempt}");
        assert!(shortest < limit / 20, "{shortest:?} at attempt {attempt}");
        assert!(longest > limit * 19 / 20, "{longest:?} at attempt {attempt}");
    }
}

#[test]
fn delays_with_ambient_randomness_keep_the_same_limits() {
    for _ in 0..1_000 {
        assert!(POLICY.delay(0) <= Duration::from_millis(50));
        assert!(POLICY.delay(9) <= Duration::from_millis(120));
    }
}
