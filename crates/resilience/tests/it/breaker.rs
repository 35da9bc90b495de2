use std::time::Duration;

use resilience::breaker::{BreakerConfig, BreakerError, BreakerState, CircuitBreaker, Open, Outcome, Permit};
use tokio::time::advance;

const MINUTE: Duration = Duration::from_secs(60);

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new("upstream", BreakerConfig::default())
}

fn record(breaker: &CircuitBreaker, count: usize, outcome: Outcome) {
    for _ in 0..count {
        breaker.try_acquire().unwrap().record(outcome);
    }
}

/// A breaker that has just opened.
fn open_breaker() -> CircuitBreaker {
    let breaker = breaker();
    record(&breaker, 20, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

/// A breaker whose open minute is over.
async fn half_open_breaker() -> CircuitBreaker {
    let breaker = open_breaker();
    advance(MINUTE).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker
}

fn acquire_probes(breaker: &CircuitBreaker, count: usize) -> Vec<Permit> {
    (0..count).map(|_| breaker.try_acquire().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn nineteen_failures_do_not_open_it_and_the_twentieth_does() {
    let breaker = breaker();
    record(&breaker, 19, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Closed);

    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn it_opens_when_half_of_the_calls_fail_and_not_below() {
    let breaker = breaker();
    record(&breaker, 51, Outcome::Success);
    record(&breaker, 49, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Closed);

    // The window is full: a failure takes the place of the oldest success.
    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_success_that_completes_the_minimum_opens_it_too() {
    let breaker = breaker();
    record(&breaker, 10, Outcome::Failure);
    record(&breaker, 9, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Closed);

    record(&breaker, 1, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn failures_older_than_the_last_hundred_calls_are_forgotten() {
    let breaker = breaker();
    record(&breaker, 60, Outcome::Success);
    record(&breaker, 40, Outcome::Failure);
    record(&breaker, 100, Outcome::Success);

    // With the forty remembered, a few of these would do; among all 250 calls, even fifty would not.
    record(&breaker, 49, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Closed);
    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn ignored_calls_do_not_count() {
    let breaker = breaker();
    record(&breaker, 19, Outcome::Failure);
    record(&breaker, 50, Outcome::Ignored);
    drop(breaker.try_acquire().unwrap());
    assert_eq!(breaker.state(), BreakerState::Closed);

    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn open_it_refuses_for_a_minute_and_says_how_long_that_still_is() {
    let breaker = open_breaker();
    assert_eq!(breaker.try_acquire().unwrap_err(), Open { retry_after: MINUTE });

    advance(Duration::from_millis(59_999)).await;
    assert_eq!(
        breaker.try_acquire().unwrap_err(),
        Open {
            retry_after: Duration::from_millis(1)
        }
    );
    assert_eq!(breaker.state(), BreakerState::Open);

    advance(Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn the_first_call_after_the_minute_passes_without_a_look_at_the_state() {
    let breaker = open_breaker();
    advance(MINUTE).await;
    breaker.try_acquire().unwrap().record(Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn half_open_it_admits_exactly_ten_probes_at_once() {
    let breaker = half_open_breaker().await;
    let probes = acquire_probes(&breaker, 10);
    let refusal = breaker.try_acquire().unwrap_err();
    assert_eq!(
        refusal,
        Open {
            retry_after: Duration::from_secs(1)
        }
    );
    drop(probes);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_has_ended_does_not_make_room_for_an_eleventh() {
    let breaker = half_open_breaker().await;
    let mut probes = acquire_probes(&breaker, 10);
    probes.pop().unwrap().record(Outcome::Success);
    assert!(breaker.try_acquire().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_or_ignored_probe_makes_room_for_another() {
    let breaker = half_open_breaker().await;
    let mut probes = acquire_probes(&breaker, 10);
    drop(probes.pop());
    probes.pop().unwrap().record(Outcome::Ignored);

    probes.extend(acquire_probes(&breaker, 2));
    assert!(breaker.try_acquire().is_err());
}

#[tokio::test(start_paused = true)]
async fn it_closes_when_fewer_than_half_of_the_probes_fail() {
    let breaker = half_open_breaker().await;
    record(&breaker, 4, Outcome::Failure);
    record(&breaker, 5, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);

    record(&breaker, 1, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn it_opens_for_another_minute_when_half_of_the_probes_fail() {
    let breaker = half_open_breaker().await;
    record(&breaker, 5, Outcome::Success);
    record(&breaker, 4, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);

    advance(Duration::from_secs(5)).await;
    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.try_acquire().unwrap_err(), Open { retry_after: MINUTE });
}

#[tokio::test(start_paused = true)]
async fn closed_again_it_has_forgotten_the_failures_before() {
    let breaker = half_open_breaker().await;
    record(&breaker, 10, Outcome::Success);
    record(&breaker, 19, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn results_of_calls_from_before_the_opening_are_no_probes() {
    let breaker = breaker();
    let slow = acquire_probes(&breaker, 30);
    record(&breaker, 20, Outcome::Failure);
    advance(MINUTE).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);

    for permit in slow {
        permit.record(Outcome::Failure);
    }
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    record(&breaker, 10, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn clones_share_one_state_and_other_breakers_do_not() {
    let breaker = breaker();
    let clone = breaker.clone();
    record(&clone, 20, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(
        CircuitBreaker::new(String::from("other"), BreakerConfig::default()).state(),
        BreakerState::Closed
    );
}

#[tokio::test(start_paused = true)]
async fn senseless_numbers_in_the_configuration_still_make_a_breaker_that_opens_and_closes() {
    let config = BreakerConfig {
        window: 0,
        minimum_calls: 500,
        failure_rate: 7.0,
        open_for: Duration::MAX,
        half_open_probes: 0,
    };
    let breaker = CircuitBreaker::new("upstream", config);
    record(&breaker, 1, Outcome::Success);
    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);

    let config = BreakerConfig {
        failure_rate: f64::NAN,
        open_for: Duration::ZERO,
        ..config
    };
    let breaker = CircuitBreaker::new("upstream", config);
    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    record(&breaker, 1, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_nothing_opens_it_at_the_first_failure_but_not_at_a_success() {
    let config = BreakerConfig {
        minimum_calls: 1,
        failure_rate: 0.0,
        ..BreakerConfig::default()
    };
    let breaker = CircuitBreaker::new("upstream", config);
    record(&breaker, 50, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Closed);
    record(&breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_records_its_verdict_and_is_not_made_once_it_is_open() {
    let config = BreakerConfig {
        minimum_calls: 2,
        ..BreakerConfig::default()
    };
    let breaker = CircuitBreaker::new("portone", config);
    let classify = |result: &Result<u32, &str>| match result {
        Err("timed out") => Outcome::Failure,
        _ => Outcome::Ignored,
    };

    assert_eq!(breaker.call(classify, async { Ok(7) }).await, Ok(7));
    for error in ["declined", "timed out", "timed out"] {
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(
            breaker.call(classify, async { Err(error) }).await,
            Err(BreakerError::Inner(error))
        );
    }
    let refused = breaker.call(classify, async { panic!("must not be polled") }).await;
    assert_eq!(refused, Err(BreakerError::Open { retry_after: MINUTE }));
}
