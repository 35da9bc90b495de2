use std::time::Duration;

use resilience::timeout::{TimeoutError, TimeoutLayer};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};

const LIMIT: Duration = Duration::from_secs(3);

async fn answer_after(delay: Duration, answer: Result<u16, &'static str>) -> Result<u16, TimeoutError<&'static str>> {
    let service = service_fn(move |()| async move {
        sleep(delay).await;
        answer
    });
    TimeoutLayer::new(LIMIT).layer(service).oneshot(()).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_passes() {
    assert_eq!(answer_after(Duration::from_millis(2_999), Ok(200)).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn an_error_in_time_passes_as_itself() {
    assert_eq!(
        answer_after(Duration::ZERO, Err("refused")).await,
        Err(TimeoutError::Inner("refused"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_not_waited_for() {
    let started = Instant::now();
    let result = answer_after(Duration::from_secs(3_600), Ok(200)).await;
    assert_eq!(result, Err(TimeoutError::Elapsed { after: LIMIT }));
    assert_eq!(started.elapsed(), LIMIT);
}
