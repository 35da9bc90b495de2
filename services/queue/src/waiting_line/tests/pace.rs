use super::{Bench, Tick, settings};
use crate::waiting_line::{WaitingLine, keys};
use redis::cmd;

impl Bench {
    /// As if the line had moved like this in the last seconds: so many admissions in so many seconds with somebody waiting.
    async fn set_pace(&self, admitted: u32, busy_seconds: u32) {
        let now = self.line.now().await.unwrap();
        let key = &keys::line(self.event)[7];
        cmd("HSET")
            .arg(key)
            .arg(now.timestamp() / 10)
            .arg(format!("{admitted}:{}", u64::from(busy_seconds) * 1_000_000))
            .exec_async(&mut self.line.connection())
            .await
            .unwrap();
    }

    async fn measured(&self) -> Option<f64> {
        let line: &WaitingLine = &self.line;
        line.stats(self.event).await.unwrap().measured
    }
}

#[tokio::test]
async fn a_pause_is_no_part_of_how_fast_the_line_moves() {
    let bench = Bench::new(&[]).await;
    bench.enter_all(200).await;
    bench.tick(bench.tick_order()).await;
    bench.set_pace(50, 5).await;
    let paused = Tick {
        paused: true,
        ..bench.tick_order()
    };
    // Each of these ticks comes four seconds after the one before.
    for _ in 0..3 {
        let now = bench.line.now().await.unwrap().timestamp_micros();
        bench.set_control("ticked", now - 4_000_000).await;
        bench.tick(paused).await;
    }
    assert_eq!(
        bench.measured().await,
        Some(10.0),
        "or a long pause would promise a wait of days"
    );
}

#[tokio::test]
async fn a_line_before_taken_places_promises_nothing_that_was_not_measured() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(2).await;
    let full = Tick {
        settings: settings(100, 1),
        ..bench.tick_order()
    };
    assert_eq!(bench.tick(full).await.admitted, 1);
    assert_eq!(bench.measured().await, Some(0.0), "the rate would say: in a second");
    let spoken_for = Tick {
        unsold: Some((1, 0)),
        ..bench.tick_order()
    };
    bench.tick(spoken_for).await;
    assert_eq!(bench.measured().await, Some(0.0));
    bench.set_pace(1, 10).await;
    bench.tick(full).await;
    let measured = bench.measured().await.unwrap();
    assert!((0.09..=0.1).contains(&measured), "{measured}");
    // With room again, and nothing measured, the rate is what is known.
    let other = Bench::new(&[]).await;
    other.enter_all(1).await;
    other.tick(other.tick_order()).await;
    assert_eq!(other.measured().await, None);
    bench.grant(users[0]).await;
}
