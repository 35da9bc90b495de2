use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use resilience::breaker::{BreakerConfig, BreakerError, BreakerLayer, BreakerState, CircuitBreaker, Outcome};
use resilience::retry::{RetryBudget, RetryLayer, RetryPolicy};
use resilience::timeout::{TimeoutError, TimeoutLayer};
use tokio::time::{advance, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

/// A status code stands for the whole reply.
fn judge<E>(result: &Result<u16, E>) -> Outcome {
    match result {
        Ok(500 | 502 | 504) | Err(_) => Outcome::Failure,
        Ok(_) => Outcome::Success,
    }
}

#[tokio::test(start_paused = true)]
async fn failing_replies_open_it_and_then_the_service_is_not_called() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let upstream = service_fn(move |status: u16| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, TimeoutError<()>>(status) }
    });
    let breaker = CircuitBreaker::new("upstream", BreakerConfig::default());
    let mut service = BreakerLayer::new(breaker.clone(), judge).layer(upstream);

    for status in [200, 404, 409, 503]
        .into_iter()
        .cycle()
        .take(10)
        .chain([500, 502, 504].into_iter().cycle().take(10))
    {
        assert_eq!(service.ready().await.unwrap().call(status).await, Ok(status));
    }
    assert_eq!(breaker.state(), BreakerState::Open);

    let refused = service.ready().await.unwrap().call(200).await;
    assert_eq!(
        refused,
        Err(BreakerError::Open {
            retry_after: Duration::from_secs(60)
        })
    );
    assert_eq!(calls.load(Ordering::Relaxed), 20);
}

#[tokio::test(start_paused = true)]
async fn of_fifty_calls_at_once_after_the_open_minute_ten_reach_the_service() {
    let upstream = service_fn(|status: u16| async move {
        sleep(Duration::from_millis(100)).await;
        Ok::<_, TimeoutError<()>>(status)
    });
    let breaker = CircuitBreaker::new("upstream", BreakerConfig::default());
    let service = BreakerLayer::new(breaker.clone(), judge).layer(upstream);
    join_all((0..20).map(|_| service.clone().oneshot(500))).await;
    assert_eq!(breaker.state(), BreakerState::Open);

    advance(Duration::from_secs(60)).await;
    let results = join_all((0..50).map(|_| service.clone().oneshot(200))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_by_its_caller_frees_its_probe() {
    let upstream = service_fn(|seconds: u64| async move {
        sleep(Duration::from_secs(seconds)).await;
        Err::<u16, _>(())
    });
    let config = BreakerConfig {
        minimum_calls: 1,
        half_open_probes: 1,
        ..BreakerConfig::default()
    };
    let breaker = CircuitBreaker::new("upstream", config);
    let mut service = BreakerLayer::new(breaker.clone(), judge).layer(upstream);
    assert_eq!(
        service.ready().await.unwrap().call(0).await,
        Err(BreakerError::Inner(()))
    );
    advance(Duration::from_secs(60)).await;

    let probe = service.ready().await.unwrap().call(3600);
    assert!(breaker.try_acquire().is_err());
    drop(probe);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn with_time_out_and_retries_inside_it_judges_what_the_client_sees() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let upstream = service_fn(move |()| {
        let status = if counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            502
        } else {
            200
        };
        async move { Ok::<u16, ()>(status) }
    });
    let breaker = CircuitBreaker::new(
        "upstream",
        BreakerConfig {
            minimum_calls: 1,
            ..BreakerConfig::default()
        },
    );
    let observed = breaker.clone();
    let rule = move |_: &(), result: &Result<u16, ()>| {
        observed.state() == BreakerState::Closed && judge(result) == Outcome::Failure
    };
    let service = RetryLayer::new(RetryPolicy::default(), RetryBudget::default(), rule).layer(upstream);
    let service = TimeoutLayer::new(Duration::from_secs(30)).layer(service);
    let service = BreakerLayer::new(breaker.clone(), judge).layer(service);

    assert_eq!(service.clone().oneshot(()).await, Ok(200));
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn time_outs_inside_it_are_failures() {
    let upstream = service_fn(|()| std::future::pending::<Result<u16, ()>>());
    let breaker = CircuitBreaker::new("upstream", BreakerConfig::default());
    let limited = TimeoutLayer::new(Duration::from_secs(30)).layer(upstream);
    let service = BreakerLayer::new(breaker.clone(), judge).layer(limited);

    let results = join_all((0..20).map(|_| service.clone().oneshot(()))).await;
    let elapsed = BreakerError::Inner(TimeoutError::Elapsed {
        after: Duration::from_secs(30),
    });
    assert!(results.iter().all(|result| *result == Err(elapsed)));
    assert_eq!(breaker.state(), BreakerState::Open);
}
