use std::time::Duration;
use tokio::time::Instant;

/// Between two looks; short, because most conditions come true within milliseconds.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `condition` gives a value, for at most `limit`; tests wait for what they expect instead of sleeping.
///
/// # Panics
/// When the limit is over; `what` tells what was waited for.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
