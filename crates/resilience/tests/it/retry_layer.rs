use std::sync::{Arc, Mutex};
use std::time::Duration;

use resilience::retry::{RetryBudget, RetryBudgetConfig, RetryLayer, RetryPolicy, RetryRule};
use resilience::timeout::{TimeoutError, TimeoutLayer};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

const POLICY: RetryPolicy = RetryPolicy {
    max_retries: 2,
    base_delay: Duration::from_millis(50),
    max_delay: Duration::from_millis(500),
};

#[derive(Clone, Debug, PartialEq)]
struct Request {
    method: &'static str,
    path: &'static str,
}

const GET: Request = Request {
    method: "GET",
    path: "/events",
};
const POST: Request = Request {
    method: "POST",
    path: "/payments",
};

/// Answers with these statuses one after the other and keeps what it was asked.
#[derive(Clone)]
struct Upstream {
    statuses: Arc<Mutex<Vec<u16>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Upstream {
    fn answering(statuses: &[u16]) -> Self {
        let statuses = statuses.iter().rev().copied().collect();
        Self {
            statuses: Arc::new(Mutex::new(statuses)),
            requests: Arc::default(),
        }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    fn service(
        &self,
    ) -> impl Service<Request, Response = u16, Error = &'static str, Future: Send> + Clone + Send + 'static {
        let upstream = self.clone();
        service_fn(move |request| {
            upstream.requests.lock().unwrap().push(request);
            let status = upstream.statuses.lock().unwrap().pop();
            async move { status.ok_or("connection refused") }
        })
    }
}

/// A rule as the gateway has one: bodies are streamed, so what may not be repeated is not copied.
#[derive(Clone)]
struct GetsOnly;

impl RetryRule<Request, u16, &'static str> for GetsOnly {
    fn copy_of(&self, request: &Request) -> Option<Request> {
        (request.method == "GET").then(|| request.clone())
    }

    fn asks_for_retry(&self, _request: &Request, result: &Result<u16, &'static str>) -> bool {
        matches!(result, Ok(502 | 504) | Err(_))
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_again_unchanged_until_it_succeeds() {
    let upstream = Upstream::answering(&[502, 504, 200]);
    let service = RetryLayer::new(POLICY, RetryBudget::default(), GetsOnly).layer(upstream.service());
    assert_eq!(service.oneshot(GET).await, Ok(200));
    assert_eq!(upstream.requests(), [GET, GET, GET]);
}

#[tokio::test(start_paused = true)]
async fn after_two_retries_the_last_result_is_handed_on() {
    let upstream = Upstream::answering(&[502, 502, 504]);
    let service = RetryLayer::new(POLICY, RetryBudget::default(), GetsOnly).layer(upstream.service());
    assert_eq!(service.oneshot(GET).await, Ok(504));
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_is_handed_on_as_it_is() {
    let upstream = Upstream::answering(&[]);
    let service = RetryLayer::new(POLICY, RetryBudget::default(), GetsOnly).layer(upstream.service());
    assert_eq!(service.oneshot(GET).await, Err("connection refused"));
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_must_not_be_repeated_is_sent_once() {
    let upstream = Upstream::answering(&[502, 200]);
    let service = RetryLayer::new(POLICY, RetryBudget::default(), GetsOnly).layer(upstream.service());
    assert_eq!(service.oneshot(POST).await, Ok(502));
    assert_eq!(upstream.requests(), [POST]);
}

#[tokio::test(start_paused = true)]
async fn a_closure_may_decide_by_request_and_result() {
    let upstream = Upstream::answering(&[502, 502, 200]);
    let rule = |request: &Request, result: &Result<u16, &str>| request.method == "GET" && *result == Ok(502);
    let mut service = RetryLayer::new(POLICY, RetryBudget::default(), rule).layer(upstream.service());
    assert_eq!(service.ready().await.unwrap().call(POST).await, Ok(502));
    assert_eq!(service.ready().await.unwrap().call(GET).await, Ok(200));
    assert_eq!(upstream.requests(), [POST, GET, GET]);
}

#[tokio::test(start_paused = true)]
async fn calls_share_the_budget_and_each_of_them_fills_it() {
    let budget = RetryBudget::new(RetryBudgetConfig {
        percent: 10,
        min_per_second: 0,
        max_saved: 100,
    });
    let upstream = Upstream::answering(&[]);
    let service = RetryLayer::new(POLICY, budget, GetsOnly).layer(upstream.service());
    for _ in 0..100 {
        service.clone().oneshot(GET).await.unwrap_err();
    }
    assert_eq!(upstream.requests().len(), 110);
}

#[tokio::test(start_paused = true)]
async fn retries_stay_within_the_time_out_around_them() {
    let started = Instant::now();
    let hanging = service_fn(|_: Request| std::future::pending::<Result<u16, &'static str>>());
    let service = RetryLayer::new(POLICY, RetryBudget::default(), GetsOnly).layer(hanging);
    let service = TimeoutLayer::new(Duration::from_secs(30)).layer(service);
    assert_eq!(
        service.oneshot(GET).await,
        Err(TimeoutError::Elapsed {
            after: Duration::from_secs(30)
        })
    );
    assert_eq!(started.elapsed(), Duration::from_secs(30));
}
