use super::{Bench, Standing, Tick, pause, settings};
use crate::waiting_line::AbsenceReason;

#[tokio::test]
async fn who_fell_silent_is_passed_over_and_who_kept_polling_is_admitted() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    let users = bench.enter_all(3).await;
    pause(2100).await;
    bench.poll(users[1]).await;
    let outcome = bench
        .tick(Tick {
            settings: settings(100, 1),
            ..bench.tick_order()
        })
        .await;
    assert_eq!((outcome.admitted, outcome.evicted, outcome.waiting), (1, 2, 0));
    bench.grant(users[1]).await;
    for silent in [users[0], users[2]] {
        assert_eq!(bench.poll(silent).await, Standing::Absent(Some(AbsenceReason::Evicted)));
    }
}

#[tokio::test]
async fn a_tick_evicts_a_bounded_number() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1"), ("QUEUE_EVICTIONS_PER_TICK", "3")]).await;
    bench.enter_all(7).await;
    pause(2100).await;
    let evicted = [
        bench.tick(bench.tick_order()).await.evicted,
        bench.tick(bench.tick_order()).await.evicted,
    ];
    assert_eq!(evicted, [3, 3]);
    let outcome = bench.tick(bench.tick_order()).await;
    assert_eq!((outcome.evicted, outcome.admitted), (1, 0));
}

#[tokio::test]
async fn heartbeats_survive_hundreds_of_neighbours() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    // Scores close together share a field of the heartbeat hash, and so do those 512 * 16,384 further on.
    bench.set_control("last", 3_000_000_000_000_000).await;
    let users = bench.enter_all(50).await;
    bench.set_control("last", 3_000_000_000_000_000 + 512 * 16_384).await;
    let behind = bench.enter_all(50).await;
    pause(2100).await;
    for user in users.iter().step_by(2).chain(behind.iter().skip(1).step_by(2)) {
        bench.poll(*user).await;
    }
    let outcome = bench
        .tick(Tick {
            settings: settings(100, 100),
            ..bench.tick_order()
        })
        .await;
    assert_eq!((outcome.admitted, outcome.evicted, outcome.waiting), (50, 50, 0));
    for user in users.iter().step_by(2).chain(behind.iter().skip(1).step_by(2)) {
        bench.grant(*user).await;
    }
    let beats = &super::keys::line(bench.event)[1];
    let left: u64 = redis::cmd("HLEN")
        .arg(beats)
        .query_async(&mut bench.line.connection())
        .await
        .unwrap();
    assert_eq!(left, 0, "no heartbeat outlives its place");
}

#[tokio::test]
async fn the_silent_are_swept_also_when_the_clock_was_set_back_since_they_came() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    let later = bench.line.now().await.unwrap().timestamp_micros() + 300_000_000;
    bench.set_control("last", later).await;
    bench.enter_all(2).await;
    pause(2100).await;
    let paused = Tick {
        paused: true,
        ..bench.tick_order()
    };
    let outcome = bench.tick(paused).await;
    assert_eq!((outcome.evicted, outcome.waiting), (2, 0));
}
