use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// How often it is looked what is due. Finer would cost more than the few requests that wait so long.
const TICK: Duration = Duration::from_millis(1);

/// So many requests a second for so long.
pub(super) struct Pace {
    rate: u32,
    count: usize,
}

impl Pace {
    pub(super) fn new(rate: u32, time: Duration) -> Self {
        let count = u128::from(rate) * time.as_millis() / 1000;
        Self {
            rate,
            count: usize::try_from(count).unwrap_or(usize::MAX),
        }
    }

    /// Calls with each number and the moment when it is due, whatever became of the earlier ones; ends when all have.
    pub(super) async fn run<F>(&self, mut call: impl FnMut(usize, Instant) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let began = Instant::now();
        let due = |number: usize| began + Duration::from_secs_f64(number as f64 / f64::from(self.rate));
        let mut running = JoinSet::new();
        let mut next = 0;
        while next < self.count {
            let now = Instant::now();
            while next < self.count && due(next) <= now {
                running.spawn(call(next, due(next)));
                next += 1;
            }
            while running.try_join_next().is_some() {}
            sleep_until(now + TICK).await;
        }
        while running.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_come_when_they_are_due_though_earlier_ones_hang() {
        let seen: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
        let began = Instant::now();
        Pace::new(100, Duration::from_millis(300))
            .run(|number, due| {
                let seen = Arc::clone(&seen);
                async move {
                    assert!(Instant::now() >= due);
                    seen.lock().unwrap().push((number, due));
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            })
            .await;
        let mut seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.sort_by_key(|(number, _)| *number);
        assert_eq!(seen.len(), 30);
        let (last, due) = seen[29];
        assert_eq!(last, 29);
        assert!(due - seen[0].1 == Duration::from_millis(290), "{:?}", due - seen[0].1);
        assert!(
            began.elapsed() >= Duration::from_millis(790),
            "it waits for the last one"
        );
    }
}
